// SPDX-License-Identifier: Apache-2.0
#include "app/config_text.hpp"

#include <algorithm>

#include "app/presets.hpp"
#include "app/schema.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::app {
namespace {

using Writer = std::string (*)(const Key& key, const Settings& settings);

/// Every key in its section, each as `write` puts it.
std::string all_sections(const Settings& settings, Writer write, bool with_help) {
  std::string text;
  std::string section;
  for (const Key& key : schema()) {
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

std::string facts(const Key& key) {
  const std::string allowed = key.allowed();
  return concat(allowed, key.unit.empty() ? "" : concat(" (", key.unit, ")"));
}

std::string commented_assignment(const Key& key, const Settings& settings) {
  return concat("# ", key.help, " ", facts(key), "\n", assignment(key, settings));
}

/// Text in a cell of a table: bars would end it, angle brackets would be taken for markup.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<') out += '\\';
    out += c;
  }
  return out;
}

std::string table_row(const Key& key, const std::vector<Settings>& presets) {
  const std::string value = toml_text(key.value_in(presets.front()));
  std::string row = concat("| `", key.short_name(), "` | `", value, "` |");
  for (std::size_t i = 1; i < presets.size(); ++i) {
    const std::string other = toml_text(key.value_in(presets[i]));
    row += other == value ? " |" : concat(" `", other, "` |");
  }
  return concat(row, " ", cell(facts(key)), " | ", cell(key.help),
                key.role == Role::identity ? "" : " †", " |\n");
}

/// The likeliest key, by its full name or by its last word alone; "" when none is near.
std::string nearest_key(const std::string& name) {
  std::vector<std::string> names;
  std::vector<std::string> words;
  for (const Key& key : schema()) {
    names.push_back(key.name);
    words.push_back(key.short_name());
  }
  const std::string near = nearest(name, names);
  if (!near.empty()) return near;
  const auto exact = std::find(words.begin(), words.end(), name);
  const std::string word = exact != words.end() ? *exact : nearest(name, words);
  const auto found = std::find(words.begin(), words.end(), word);
  return found == words.end() ? "" : names.at(static_cast<std::size_t>(found - words.begin()));
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
  for (const auto& preset : preset_names()) {
    json[preset] = json_value(key.value_in(preset_settings(preset)));
  }
  json["allowed"] = key.allowed();
  json["unit"] = key.unit;
  json["identity"] = key.role == Role::identity;
  json["help"] = key.help;
  return json;
}

constexpr std::string_view kPresetKey = "preset";
constexpr std::string_view kPresetHelp =
    "Defaults for all other keys; what the file itself sets wins.";

}  // namespace

search::ConfigRecord config_record(const Settings& settings, const std::string& preset) {
  search::ConfigRecord record;
  // Not as a key: the values below already contain it.
  record.toml = concat("# Every key with the value in force (preset \"", preset, "\").\n",
                       all_sections(settings, assignment, false));
  for (const Key& key : schema()) {
    record.entries.push_back(
        {key.name, toml_text(key.value_in(settings)), key.role == Role::identity});
  }
  return record;
}

std::string defaults_toml() {
  return concat("# ", kPresetHelp, " \"", join(preset_names(), "\" or \""), "\"\n", kPresetKey,
                " = \"", preset_names().front(), "\"\n",
                all_sections(preset_settings("default"), commented_assignment, true));
}

Json schema_json() {
  Json keys = Json::array();
  for (const Key& key : schema()) keys.push_back(key_json(key));
  return keys;
}

std::string reference_markdown() {
  std::vector<Settings> presets;
  for (const auto& name : preset_names()) presets.push_back(preset_settings(name));
  std::string text = concat(
      "# Configuration\n\n", "Every key of a configuration file. This page is generated: ",
      "`enas_hpc config --defaults --markdown > docs/config.md`.\n\n",
      "A configuration is a TOML file; a key that is not in it has its default. ",
      "`--set section.key=value` overrides the file. `enas_hpc config --check FILE` reads a file ",
      "and names everything that is wrong with it; `--explain KEY` explains one key.\n\n", "`",
      kPresetKey, "`, above all sections, chooses the defaults:\n\n");
  for (const auto& name : preset_names()) {
    text += concat("- `\"", name, "\"`: ", preset_help(name), "\n");
  }
  text += concat(
      "\nThe columns `paper` and `released` show where a preset differs from the default. ",
      "A run that is resumed must have the same value of every key, except those marked †.\n");
  std::string section;
  for (const Key& key : schema()) {
    if (key.section() != section) {
      section = key.section();
      text += concat("\n## [", section, "]\n\n", section_help(section), "\n\n",
                     "| Key | Default | paper | released | Allowed | Meaning |\n",
                     "|---|---|---|---|---|---|\n");
    }
    text += table_row(key, presets);
  }
  return text;
}

std::string explain(const std::string& name) {
  if (name == kPresetKey) {
    std::string text = concat(kPresetKey, ": ", kPresetHelp, "\n");
    for (const auto& preset : preset_names()) {
      text += concat("  \"", preset, "\": ", preset_help(preset), "\n");
    }
    return text;
  }
  const Key& key = key_named(name);
  std::string text = concat(key.name, ": ", key.help, "\n  allowed: ", facts(key), "\n");
  for (const auto& preset : preset_names()) {
    text += concat("  ", preset, ": ", toml_text(key.value_in(preset_settings(preset))), "\n");
  }
  return text + (key.role == Role::identity ? "  a resumed run must have the same value\n"
                                            : "  may change when a run is resumed\n");
}

Json explain_json(const std::string& name) {
  if (name != kPresetKey) return key_json(key_named(name));
  return Json{{"key", name}, {"allowed", preset_names()}, {"help", kPresetHelp}};
}

}  // namespace enas::app
