// SPDX-License-Identifier: Apache-2.0
#include "app/command/arch_command.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <iterator>
#include <optional>

#include "app/command/number_option.hpp"
#include "app/root_task.hpp"
#include "core/error.hpp"
#include "core/json_text.hpp"
#include "core/text.hpp"
#include "io/output_file.hpp"
#include "space/drawing.hpp"
#include "space/formats/formats.hpp"
#include "space/network_size.hpp"

namespace enas::app {
namespace {

using space::ArchitectureFile;
using space::ArchitectureFormat;
using space::SpaceKind;

constexpr std::size_t kMostInput = 16 << 20;
constexpr int kLargestWidth = 1'000'000;
constexpr int kMostGenotypes = 1'000'000;

void add_source(CLI::App& sub, ArchLine& line) {
  sub.add_option("architecture", line.source, "File, shipped name (arch list), or - for stdin")
      ->type_name("FILE|NAME")
      ->required();
  sub.add_option("--from", line.from, "Form of the file (default: json, the native one)")
      ->type_name("FORMAT")
      ->check(unnamed(CLI::IsMember(space::architecture_format_names())));
  sub.add_option("--space", line.space, "What a string of tf describes")
      ->type_name("recurrent|macro|micro")
      ->check(unnamed(CLI::IsMember({"recurrent", "macro", "micro"})));
  sub.add_option("--nth", line.nth,
                 "Which genotype of darts, from 1, where a file has several (default: the last)")
      ->type_name("N")
      ->check(unnamed(CLI::Range(1, kMostGenotypes)));
}

void add_width(CLI::App& sub, const char* name, int& value, const char* what) {
  sub.add_option(name, value, what)->type_name("N")->transform(whole(between(1, kLargestWidth)));
}

std::string text_of_source(const std::string& source) {
  if (source != "-") return space::architecture_file_bytes(source);
  std::string text;
  for (std::istreambuf_iterator<char> next(std::cin), end; next != end; ++next) {
    text += *next;
    if (text.size() > kMostInput) throw InputError("standard input has more than 16 MiB");
  }
  return text;
}

ArchitectureFile read_source(const ArchLine& line) {
  std::optional<SpaceKind> kind;
  if (!line.space.empty()) kind = space::space_kind_from_name(line.space);
  ArchitectureFile file;
  if (line.nth > 0 && line.from != "darts") {
    throw ConfigError("--nth chooses among the genotypes of --from darts", ExitCode::usage);
  }
  if (line.from.empty() && line.source != "-") {
    file = space::load_architecture(line.source);
    if (kind && *kind != space::kind_of(file.network)) {
      throw InputError(concat(line.source, " holds a ", name_of(kind_of(file.network)),
                              " architecture, but --space says ", line.space));
    }
  } else {
    const auto format = line.from.empty() ? ArchitectureFormat::json
                                          : space::architecture_format_from_name(line.from);
    file =
        space::import_architecture(format, kind, text_of_source(line.source),
                                   line.source == "-" ? "standard input" : line.source, line.nth);
  }
  if (line.name.empty()) return file;
  file.name = line.name;
  space::architecture_from_json(architecture_json(file), "--name");  // one that can be read again
  return file;
}

/// Widths of other spaces would have no effect: they are refused.
void check_widths(const ArchLine& line, SpaceKind kind) {
  const auto require = [&](bool given, const char* option, bool belongs, const char* whose) {
    if (!given || belongs) return;
    throw ConfigError(
        concat(option, " is for ", whose, ", and ", line.source, " is ", name_of(kind)),
        ExitCode::usage);
  };
  const bool recurrent = kind == space::SpaceKind::recurrent;
  require(line.hidden > 0, "--hidden", recurrent, "recurrent cells");
  require(line.vocabulary > 0, "--vocabulary", recurrent, "recurrent cells");
  require(line.filters > 0, "--filters", !recurrent, "macro and micro networks");
  require(line.layers > 0, "--layers", kind == space::SpaceKind::micro,
          "micro networks (a macro network has the layers that it has)");
  require(line.released, "--released", kind == space::SpaceKind::macro, "macro networks");
}

struct Sized {
  space::NetworkSize size;
  Json width;        ///< what was counted, by option
  std::string text;  ///< the same in words
};

Sized sized(const space::TypedView& view, const ArchLine& line) {
  const auto given_or = [](int given, int usual) { return given > 0 ? given : usual; };
  if (const auto* cell = std::get_if<space::RecurrentCell>(&view)) {
    space::RecurrentWidth width;
    width.hidden = given_or(line.hidden, width.hidden);
    width.vocabulary = given_or(line.vocabulary, width.vocabulary);
    return {network_size(*cell, width),
            {{"hidden", width.hidden}, {"vocabulary", width.vocabulary}},
            concat("hidden ", width.hidden, ", vocabulary ", width.vocabulary)};
  }
  if (const auto* net = std::get_if<space::MacroNet>(&view)) {
    space::MacroWidth width;
    width.filters = given_or(line.filters, width.filters);
    width.released = line.released;
    return {network_size(*net, width),
            {{"filters", width.filters}, {"released", width.released}},
            concat("filters ", width.filters,
                   width.released ? ", separable convolutions as dense ones" : "",
                   ", images 3x32x32, 10 classes")};
  }
  space::MicroWidth width;
  width.layers = given_or(line.layers, width.layers);
  width.filters = given_or(line.filters, width.filters);
  return {network_size(std::get<space::MicroNet>(view), width),
          {{"layers", width.layers}, {"filters", width.filters}},
          concat("layers ", width.layers, "+2, filters ", width.filters,
                 ", images 3x32x32, 10 classes, no auxiliary head")};
}

/// "22,027,104".
std::string with_commas(std::string digits) {
  for (auto at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

void show(const ArchLine& line, const ArchitectureFile& file, bool json) {
  const space::TypedView& view = file.network;
  check_widths(line, kind_of(view));
  if (line.dot) return print_on_root(drawing_dot(view, file.name));
  const auto [size, width, width_text] = sized(view, line);
  if (json) {
    const Json shown = {{"architecture", architecture_json(file)},
                        {"width", width},
                        {"parameters", size.parameters},
                        {"multiply_adds", size.multiply_adds},
                        {"channels", size.channels}};
    return print_on_root(json_text(shown, 2) + "\n");
  }
  const char* example = kind_of(view) == space::SpaceKind::recurrent ? "a token" : "an image";
  print_on_root(concat(file.name.empty() ? "" : file.name + ": ", drawing_text(view), "\nalone at ",
                       width_text, ":\n", with_commas(concat(size.parameters)), " parameters, ",
                       with_commas(fixed(size.multiply_adds, 0)), " multiply-adds ", example,
                       "\n"));
}

void convert(const ArchLine& line, const ArchitectureFile& file) {
  const auto format = space::architecture_format_from_name(line.to);
  const std::string text = space::export_architecture(format, file);
  if (line.out.empty() || line.out == "-") return print_on_root(text);
  io::write_output(line.out, text);
}

void list(bool json) {
  Json names = Json::array();
  std::string text;
  for (const auto& shipped : space::shipped_architectures()) {
    const auto file = space::load_architecture(std::string(shipped.name));
    const Json source = file.origin.is_object() ? file.origin.value("source", "") : "";
    names.push_back(
        {{"name", shipped.name}, {"space", name_of(kind_of(file.network))}, {"source", source}});
    const std::string name(shipped.name);
    const std::string kind(name_of(kind_of(file.network)));
    text += concat(name, std::string(22 - std::min<std::size_t>(21, name.size()), ' '), kind,
                   std::string(11 - kind.size(), ' '), source.get<std::string>(), "\n");
  }
  print_on_root(json ? json_text(names, 2) + "\n" : text);
}

}  // namespace

void add_arch(CLI::App& app, ArchLine& line, bool& json) {
  CLI::App* arch = app.add_subcommand("arch", "Architectures: show, convert, list");
  arch->require_subcommand(1);
  CLI::App* sub = arch->add_subcommand("show", "A drawing, and the size when trained alone");
  add_source(*sub, line);
  sub->add_flag("--dot", line.dot, "For Graphviz: ... --dot | dot -Tpdf -o cell.pdf");
  add_width(*sub, "--hidden", line.hidden, "Recurrent: width of nodes and embedding (748)");
  add_width(*sub, "--vocabulary", line.vocabulary, "Recurrent: number of words (10000)");
  add_width(*sub, "--filters", line.filters, "Filters of the first layers (macro 96, micro 36)");
  sub->add_option("--layers", line.layers, "Micro: normal cells (15)")
      ->type_name("N")
      ->transform(whole(between(1, 10'000)));
  sub->add_flag("--released", line.released,
                "Macro: separable convolutions as dense ones, as in the authors' code");
  sub->add_flag("--json", json, "Print results as JSON");

  sub = arch->add_subcommand("convert", "From one form into another");
  add_source(*sub, line);
  sub->add_option("--to", line.to, "Form of the result")
      ->type_name("FORMAT")
      ->required()
      ->check(unnamed(CLI::IsMember(space::architecture_format_names())));
  sub->add_option("--out", line.out, "File to write (default: stdout)")
      ->type_name("FILE")
      ->check(not_empty());
  sub->add_option("--name", line.name, "What the architecture is called in a native file");
  arch->add_subcommand("list", "The architectures that are shipped, by name")
      ->add_flag("--json", json, "Print results as JSON");
  for (CLI::App* action : arch->get_subcommands({})) {
    action->callback([&line, name = action->get_name()] { line.action = name; });
  }
}

void run_arch_on_root(Log& log, const ArchLine& line, bool json) {
  if (line.action == "list") return list(json);
  const ArchitectureFile file = read_source(line);
  for (const std::string& note : file.notes) log.warn(note);
  for (const std::string& warning : output_warnings(file.network)) log.warn(warning);
  if (line.action == "show") return show(line, file, json);
  convert(line, file);
}

}  // namespace enas::app
