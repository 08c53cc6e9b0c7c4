// SPDX-License-Identifier: Apache-2.0
#include "app/config/config.hpp"

#include <algorithm>
#include <set>

#include "app/config/config_checks.hpp"
#include "app/config/key_relations.hpp"
#include "app/config/presets.hpp"
#include "app/config/schema.hpp"
#include "app/config/toml_reader.hpp"
#include "core/text.hpp"

namespace enas::app {
namespace {

constexpr std::size_t kMaxProblems = 20;
constexpr std::string_view kKindKey = "space.kind";
constexpr std::string_view kEvaluationKey = "search.evaluation";

/// Collects problems; after kMaxProblems it only counts, since a hostile file may hold 100,000.
class Problems {
 public:
  bool full() const { return lines_.size() >= kMaxProblems; }
  void add(std::string line) {
    if (full()) {
      ++num_more_;
    } else {
      lines_.push_back(std::move(line));
    }
  }
  void add(const TomlEntry& entry, std::string_view problem) {
    add(concat(entry.place, ": ", entry.key, " ", problem));
  }
  void throw_if_any() {
    if (lines_.empty()) return;
    if (num_more_ > 0) lines_.push_back(concat("and ", num_more_, " more problems"));
    throw ConfigProblems(std::move(lines_));
  }

 private:
  std::vector<std::string> lines_;
  std::size_t num_more_ = 0;
};

std::string near_text(std::string_view word, const std::vector<std::string>& known) {
  const std::string near = nearest(word, known);
  return near.empty() ? "" : concat("; did you mean ", near, "?");
}

bool is_section(std::string_view name) {
  const auto& keys = schema();
  return std::any_of(keys.begin(), keys.end(), [&](const Key& key) {
    return key.name.size() > name.size() && key.name.starts_with(name) &&
           key.name[name.size()] == '.';
  });
}

/// What to say about a key that the schema does not have.
class UnknownKeys {
 public:
  explicit UnknownKeys(Scope kind) : kind_(kind) {}

  void report(const TomlEntry& entry, Problems& problems) {
    if (problems.full()) return problems.add("");
    const auto dot = entry.key.rfind('.');
    const std::string section = dot == std::string::npos ? "" : entry.key.substr(0, dot);
    const std::string word = entry.key.substr(dot == std::string::npos ? 0 : dot + 1);
    const bool is_table = std::holds_alternative<OtherValue>(entry.value) &&
                          std::get<OtherValue>(entry.value).what == "a section";
    if (entry.key.find('"') != std::string::npos) {  // no known name needs quotes
      problems.add(concat(entry.place, ": unknown key ", entry.key));
    } else if (is_section(entry.key)) {
      if (!is_table) problems.add(entry, "is a section, not a value");
    } else if (find_key(section) != nullptr) {
      problems.add(concat(entry.place, ": ", section, " is a value, not a section"));
    } else if (is_table || (!section.empty() && !is_section(section))) {
      report_section(is_table ? entry.key : section, entry, problems);
    } else {
      problems.add(
          concat(entry.place, ": unknown key ", printable(entry.key), suggestion(section, word)));
    }
  }

 private:
  void report_section(const std::string& section, const TomlEntry& entry, Problems& problems) {
    if (!sections_.insert(section).second) return;  // once, not for each of its keys
    std::vector<std::string> known;
    for (const Key& key : schema()) known.push_back(key.section());
    problems.add(concat(entry.place, ": unknown section [", printable(section), "]",
                        near_text(section, known)));
  }

  /// A key of the same name elsewhere is the likeliest, then a similar one in the same section.
  std::string suggestion(const std::string& section, const std::string& word) const {
    std::vector<std::string> same_word;
    std::vector<std::string> neighbours;
    for (const Key& key : schema()) {
      if (!key.belongs_to(kind_)) continue;
      if (key.short_name() == word) same_word.push_back(key.name);
      if (key.section() == section) neighbours.push_back(key.short_name());
    }
    if (section.empty()) neighbours.emplace_back("preset");
    if (!same_word.empty()) return concat("; did you mean ", join(same_word, " or "), "?");
    const std::string near = nearest(word, neighbours);
    const std::string dot = section.empty() ? "" : ".";
    return near.empty() ? "" : concat("; did you mean ", section, dot, near, "?");
  }

  Scope kind_;
  std::set<std::string> sections_;
};

std::string without_outer_blanks(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

/// "weights.slots=4" as an entry. Numbers are read like those of all options; text that a text key
/// would take needs no quotes.
TomlEntry parse_set(const std::string& option) {
  const std::string place = concat("--set ", printable(option));
  const auto equals = option.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw ConfigError(concat(place, ": must be section.key=value"), ExitCode::usage);
  }
  const std::string key = without_outer_blanks(option.substr(0, equals));
  const std::string text = without_outer_blanks(option.substr(equals + 1));
  if (std::any_of(option.begin(), option.end(), [](unsigned char c) { return c < 0x20; })) {
    throw ConfigError(concat(place, ": must be one line of text"), ExitCode::usage);
  }
  const Key* known = find_key(key);
  if (known != nullptr && known->takes_number()) {
    TomlEntry entry{key, {}, place};
    entry.problem = known->read_typed(text, entry.value).value_or("");
    return entry;
  }
  const bool text_key = key == "preset" || (known != nullptr && known->takes_text());
  const bool is_quoted = text.starts_with('"') || text.starts_with('\'');
  if (text_key && !is_quoted) return {key, text, place, 0, 0};
  try {
    const auto entries = read_toml(concat("value = ", text), place);
    if (entries.size() == 1 && entries[0].key == "value")
      return {key, entries[0].value, place, 0, 0};
  } catch (const ConfigError&) {
    // Not TOML: a bare word is taken as a string, so that the key says what it wants instead.
    if (!text.empty() && text.find_first_of("\"'[]{}#=,") == std::string::npos) {
      return {key, text, place, 0, 0};
    }
  }
  throw ConfigError(concat(place, ": \"", printable(text), "\" is no TOML value"), ExitCode::usage);
}

void choose_preset(const std::vector<TomlEntry>& entries, Config& config, Problems& problems) {
  for (const TomlEntry& entry : entries) {
    if (entry.key != "preset") continue;
    const auto* name = std::get_if<std::string>(&entry.value);
    const auto& known = preset_names();
    if (name == nullptr || std::find(known.begin(), known.end(), *name) == known.end()) {
      problems.add(entry, concat("must be one of \"", join(known, "\", \""), "\", is ",
                                 printable(toml_text(entry.value)),
                                 name == nullptr ? "" : near_text(*name, known)));
    } else {
      config.preset = *name;
    }
  }
}

/// Throws when it is none: which keys there are and what they default to depends on it.
Scope choose_scope(const std::vector<TomlEntry>& entries, Problems& problems) {
  Settings settings;
  for (const TomlEntry& entry : entries) {
    if (entry.key != kKindKey && entry.key != kEvaluationKey) continue;
    if (entry.key == kKindKey && entry.value == Value("tabular")) {
      problems.add(entry,
                   "= \"tabular\" is now search.evaluation = \"table\" with space.kind = "
                   "\"recurrent\", and space.table is evaluation.table");
    } else if (const auto problem = find_key(entry.key)->assign(entry.value, settings)) {
      problems.add(entry, *problem);
    }
  }
  if (is_of_images(static_cast<Scope>(settings.space.kind)) && scope_of(settings) == Scope::table) {
    problems.add(concat(kEvaluationKey, " = \"table\" is for ", kKindKey, " = \"recurrent\", but ",
                        kKindKey, " = \"", space::name_of(settings.space.kind), "\""));
  }
  problems.throw_if_any();
  return scope_of(settings);
}

/// Why a key that other scopes have cannot be set here.
std::string foreign_key(const Key& key, Scope scope) {
  std::vector<std::string> kinds;
  for (const Scope other : key.kinds) {
    if (other != Scope::table) kinds.push_back(name_of(other));
  }
  std::vector<std::string> places;
  if (!kinds.empty()) places.push_back(concat(kKindKey, " = \"", join(kinds, "\" or \""), "\""));
  if (key.belongs_to(Scope::table)) places.push_back(concat(kEvaluationKey, " = \"table\""));
  return concat("belongs to ", join(places, " or "), "; here it is ",
                scope == Scope::table ? concat(kEvaluationKey, " = ") : "", "\"", name_of(scope),
                "\"");
}

/// Of keys that somebody set and nothing reads; one that keeps its usual value changes nothing.
std::vector<std::string> ignored_keys(const std::vector<TomlEntry>& entries, const Config& config) {
  const Settings usual = preset_settings(config.preset, scope_of(config.settings));
  std::vector<std::string> warnings;
  for (const TomlEntry& entry : entries) {
    const Key* key = find_key(entry.key);
    if (key == nullptr || key->value_in(config.settings) == key->value_in(usual)) continue;
    const std::string why = why_ignored(*key, config.settings);
    if (why.empty()) continue;
    warnings.push_back(concat(entry.place, ": ", key->name, " is ignored: ", why));
  }
  return warnings;
}

}  // namespace

ConfigProblems::ConfigProblems(std::vector<std::string> problems)
    : ConfigError(join(problems, "\n")), problems_(std::move(problems)) {}

Config read_config(std::string_view text, const std::string& name,
                   const std::vector<std::string>& sets) {
  std::vector<TomlEntry> entries = read_toml(text, name);
  Config config;
  config.num_keys_set = static_cast<int>(entries.size());
  for (const std::string& option : sets) entries.push_back(parse_set(option));

  Problems problems;
  const Scope scope = choose_scope(entries, problems);
  choose_preset(entries, config, problems);
  config.settings = preset_settings(config.preset, scope);
  UnknownKeys unknown(scope);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const TomlEntry& entry = entries[i];
    if (entry.key == "preset" || entry.key == kKindKey || entry.key == kEvaluationKey) continue;
    const Key* key = find_key(entry.key);
    if (key == nullptr) {
      unknown.report(entry, problems);
    } else if (!key->belongs_to(scope)) {
      problems.add(entry, foreign_key(*key, scope));
    } else if (!entry.problem.empty()) {
      problems.add(entry, entry.problem);
    } else if (const auto problem = key->assign(entry.value, config.settings)) {
      problems.add(entry, *problem);
    } else if (entry.key == "run.threads" && i >= static_cast<std::size_t>(config.num_keys_set)) {
      config.threads_by_option = true;
    }
  }
  problems.throw_if_any();
  for (const auto& problem : problems_together(config.settings)) {
    problems.add(concat(name, ": ", problem));
  }
  problems.throw_if_any();
  config.warnings = ignored_keys(entries, config);
  return config;
}

Scope scope_of_sets(const std::vector<std::string>& sets) {
  std::vector<TomlEntry> entries;
  for (const std::string& option : sets) {
    entries.push_back(parse_set(option));
    if (entries.back().key != kKindKey && entries.back().key != kEvaluationKey) {
      throw ConfigError(concat(entries.back().place, ": only ", kKindKey, " and ", kEvaluationKey,
                               " change the defaults"),
                        ExitCode::usage);
    }
  }
  Problems problems;
  return choose_scope(entries, problems);
}

void check_trainable(const Settings& settings) {
  if (scope_of(settings) != Scope::table) return;
  throw ConfigError(
      "search.evaluation = \"table\" trains nothing: the table holds what every cell reached "
      "alone; training a cell takes a configuration with search.evaluation = \"shared\"");
}

void check_ranks(const Settings& settings, int num_ranks) {
  if (num_ranks <= settings.weights.slots) return;
  throw ConfigError(concat(num_ranks, " ranks but weights.slots = ", settings.weights.slots,
                           ": start at most ", settings.weights.slots,
                           " ranks or set weights.slots"));
}

void check_training_ranks(const Settings& settings, int num_ranks) {
  const int slots = settings.train.step.slots;
  if (num_ranks <= slots) return;
  throw ConfigError(concat(num_ranks, " ranks but train.slots = ", slots, ": start at most ", slots,
                           " ranks or set train.slots"));
}

}  // namespace enas::app
