// SPDX-License-Identifier: Apache-2.0
#include "app/config/config_text.hpp"

#include <algorithm>

#include "app/config/presets.hpp"
#include "app/config/schema.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::app {
namespace {

using Writer = std::string (*)(const Key& key, const Settings& settings);

/// Every key of the kind in force in its section, each as `write` puts it.
std::string all_sections(const Settings& settings, Writer write, bool with_help) {
  std::string text;
  std::string section;
  for (const Key& key : schema()) {
    if (!key.belongs_to(scope_of(settings))) continue;
    if (key.section() != section) {
      section = key.section();
      text += "\n";
      if (with_help) text += concat("# ", section_help(section), "\n");
      text += concat("[", section, "]\n");
    }
    text += write(key, settings);
  }
  return text;
}

std::string assignment(const Key& key, const Settings& settings) {
  return concat(key.short_name(), " = ", toml_text(key.value_in(settings)), "\n");
}

std::string commented_assignment(const Key& key, const Settings& settings) {
  return concat("# ", key.help, " ", facts(key), "\n", assignment(key, settings));
}

/// Names of keys in a section, or of all keys by their last word.
std::vector<std::string> words_of(std::string_view section) {
  std::vector<std::string> words;
  for (const Key& key : schema()) {
    if (section.empty() || key.section() == section) words.push_back(key.short_name());
  }
  return words;
}

/// The first key whose last word is this; "" when there is none.
std::string key_with_word(const std::string& word) {
  for (const Key& key : schema()) {
    if (key.short_name() == word) return key.name;
  }
  return "";
}

/// The likeliest key: one without a typing error in its section or its last word, or the same word
/// in another section; "" when none is near.
std::string nearest_key(const std::string& name) {
  const auto dot = name.rfind('.');
  const std::string word = dot == std::string::npos ? name : name.substr(dot + 1);
  const std::string written = dot == std::string::npos ? "" : name.substr(0, dot);
  std::vector<std::string> sections;
  for (const Key& key : schema()) sections.push_back(key.section());
  const bool is_section = std::find(sections.begin(), sections.end(), written) != sections.end();
  const std::string section = is_section ? written : nearest(written, sections);
  if (!section.empty()) {
    const std::string exact = concat(section, ".", word);
    if (find_key(exact) != nullptr) return exact;
    const std::string near = nearest(word, words_of(section));
    if (!near.empty()) return concat(section, ".", near);
  }
  const std::string same = key_with_word(word);
  return same.empty() ? key_with_word(nearest(word, words_of(""))) : same;
}

const Key& key_named(const std::string& name) {
  if (const Key* key = find_key(name)) return *key;
  const std::string near = nearest_key(name);
  throw ConfigError(concat("unknown key ", name.substr(0, 80),
                           near.empty() ? "" : concat("; did you mean ", near, "?")),
                    ExitCode::usage);
}

Json json_value(const Value& value) {
  return std::visit(
      [](const auto& item) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(item)>, OtherValue>) {
          return item.what;
        } else {
          return item;
        }
      },
      value);
}

Json key_json(const Key& key) {
  Json json;
  json["key"] = key.name;
  for (const Scope kind : key.kinds) {
    Json& values = json["values"][std::string(name_of(kind))];
    for (const auto& preset : preset_names()) {
      values[preset] = json_value(key.value_in(preset_settings(preset, kind)));
    }
  }
  json["allowed"] = key.allowed();
  json["unit"] = key.unit;
  json["identity"] = key.role == Role::identity;
  json["help"] = key.help;
  return json;
}

constexpr std::string_view kPresetKey = "preset";

std::string explain_preset() {
  std::string text = concat(kPresetKey, ": ", preset_key_help(), "\n");
  for (const auto& preset : preset_names()) {
    for (std::size_t kind = 0; kind < scope_names().size(); ++kind) {
      text += concat("  \"", preset, "\", ", scope_names()[kind], ": ",
                     preset_help(preset, static_cast<Scope>(kind)), "\n");
    }
  }
  return text;
}

}  // namespace

std::string facts(const Key& key) {
  const std::string allowed = key.allowed();
  return concat(allowed, key.unit.empty() ? "" : concat(" (", key.unit, ")"));
}

std::string_view preset_key_help() {
  return "Defaults for all other keys; what the file itself sets wins.";
}

namespace {

bool is_of_training(const Key& key) { return key.section() == "train"; }

/// A search does not depend on [train], a training on little else.
bool is_identity(const Key& key, bool training) {
  if (key.role != Role::identity) return false;
  const std::string section = key.section();
  if (!training) return !is_of_training(key);
  return is_of_training(key) || section == "run" || section == "data" ||
         section.starts_with("data.");
}

run::ConfigRecord record_of(const Settings& settings, const std::string& preset, bool training) {
  run::ConfigRecord record;
  // Not as a key: the values below already contain it.
  record.toml = concat("# Every key with the value in force (preset \"", preset, "\").\n",
                       all_sections(settings, assignment, false));
  const Settings defaults = preset_settings("default", scope_of(settings));
  for (const Key& key : schema()) {
    if (!key.belongs_to(scope_of(settings))) continue;
    const std::string value = toml_text(key.value_in(settings));
    record.entries.push_back(
        {key.name, value, is_identity(key, training), value == toml_text(key.value_in(defaults))});
  }
  return record;
}

}  // namespace

run::ConfigRecord config_record(const Settings& settings, const std::string& preset) {
  return record_of(settings, preset, false);
}

run::ConfigRecord training_record(const Settings& settings, const std::string& preset) {
  return record_of(settings, preset, true);
}

std::string defaults_toml(Scope kind) {
  return concat("# ", preset_key_help(), " \"", join(preset_names(), "\" or \""), "\"\n",
                kPresetKey, " = \"", preset_names().front(), "\"\n",
                all_sections(preset_settings("default", kind), commented_assignment, true));
}

Json schema_json() {
  Json keys = Json::array();
  for (const Key& key : schema()) keys.push_back(key_json(key));
  return keys;
}

std::string explain(const std::string& name) {
  if (name == kPresetKey) return explain_preset();
  const Key& key = key_named(name);
  std::string text = concat(key.name, ": ", key.help, "\n  allowed: ", facts(key), "\n");
  for (const Scope kind : key.kinds) {
    std::vector<std::string> values;
    for (const auto& preset : preset_names()) {
      values.push_back(concat(preset, " ", toml_text(key.value_in(preset_settings(preset, kind)))));
    }
    text += concat("  ", name_of(kind), ": ", join(values, ", "), "\n");
  }
  return text + (key.role == Role::identity ? "  a resumed run must have the same value\n"
                                            : "  may change when a run is resumed\n");
}

Json explain_json(const std::string& name) {
  if (name != kPresetKey) return key_json(key_named(name));
  return Json{{"key", name}, {"allowed", preset_names()}, {"help", preset_key_help()}};
}

}  // namespace enas::app
