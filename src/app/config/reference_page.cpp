// SPDX-License-Identifier: Apache-2.0
#include "app/config/reference_page.hpp"

#include <array>

#include "app/config/config_text.hpp"
#include "app/config/presets.hpp"
#include "app/config/schema.hpp"
#include "core/text.hpp"

namespace enas::app {
namespace {

constexpr std::array kKinds = {Scope::recurrent, Scope::macro, Scope::micro, Scope::table};

/// Text in a cell of a table: bars would end it, angle brackets would be taken for markup.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<') out += '\\';
    out += c;
  }
  return out;
}

std::string code(const std::string& text) { return concat("`", text, "`"); }

std::string value_text(const Key& key, const std::string& preset, Scope kind) {
  return toml_text(key.value_in(preset_settings(preset, kind)));
}

/// A key with its default for every kind of space.
std::string default_row(const Key& key) {
  std::string row = concat("| ", code(key.short_name()), " |");
  for (const Scope kind : kKinds) {
    row += concat(" ", key.belongs_to(kind) ? code(value_text(key, "default", kind)) : "–", " |");
  }
  return concat(row, " ", cell(facts(key)), " | ", cell(key.help),
                key.role == Role::identity ? "" : " †", " |\n");
}

std::string sections() {
  std::string text;
  std::string section;
  for (const Key& key : schema()) {
    if (key.section() != section) {
      section = key.section();
      text += concat("\n## [", section, "]\n\n", section_help(section), "\n\n| Key | ",
                     join(scope_names(), " | "),
                     " | Allowed | Meaning |\n|---|---|---|---|---|---|---|\n");
    }
    text += default_row(key);
  }
  return text;
}

/// A key with its value in every preset, where they are not all the same; else "".
std::string preset_row(const Key& key, Scope kind) {
  const std::string value = value_text(key, preset_names().front(), kind);
  std::string row = concat("| ", code(key.name), " | ", code(value), " |");
  bool differs = false;
  for (std::size_t i = 1; i < preset_names().size(); ++i) {
    const std::string other = value_text(key, preset_names()[i], kind);
    row += other == value ? " |" : concat(" ", code(other), " |");
    differs = differs || other != value;
  }
  return differs ? row + "\n" : "";
}

std::string presets_of(Scope kind) {
  std::string text = concat("\n### ", name_of(kind), "\n\n");
  for (const auto& name : preset_names()) {
    text += concat("- `\"", name, "\"`: ", preset_help(name, kind), "\n");
  }
  text += concat("\n| Key | ", join(preset_names(), " | "), " |\n|---|---|---|---|\n");
  for (const Key& key : schema()) {
    if (key.belongs_to(kind)) text += preset_row(key, kind);
  }
  return text;
}

}  // namespace

std::string reference_markdown() {
  std::string text = concat(
      "# Configuration\n\n", "Every key of a configuration file. This page is generated: ",
      "`enas_hpc config --defaults --markdown > docs/config.md`.\n\n",
      "A configuration is a TOML file; a key that is not in it has its default. ",
      "`--set section.key=value` overrides the file. `enas_hpc config --check FILE` reads a file ",
      "and names everything that is wrong with it; `--explain KEY` explains one key; `--defaults` ",
      "prints a file with every key (`--set space.kind=macro` for those of another space). ",
      "Numbers after `--set` and every other option are decimal: `010` is ten, and `0x10` and ",
      "`1_000` are refused. A key that is set but not read beside another one (`data.path` with ",
      "`data.source = \"markov\"`) is named in a warning.\n\n",
      "`space.kind` chooses what is searched, and `search.evaluation` how it is scored. The "
      "columns `",
      join(scope_names(), "`, `"), "` hold the defaults for each kind of space, and for recurrent ",
      "cells with `search.evaluation = \"table\"`; a key with – does not belong there and is "
      "refused. A run that is resumed must have the same value of every key, except those marked "
      "†.",
      "\n\n`preset`, above all sections, chooses other defaults; ",
      "[Presets](#presets) lists them.\n");
  text += sections();
  text += "\n## Presets\n\nKeys whose value a preset changes.\n";
  for (const Scope kind : kKinds) text += presets_of(kind);
  return text;
}

}  // namespace enas::app
