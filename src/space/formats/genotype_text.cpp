// SPDX-License-Identifier: Apache-2.0
#include "space/formats/genotype_text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/text.hpp"
#include "space/formats/python_values.hpp"
#include "space/pasted_text.hpp"

namespace enas::space {
namespace {

constexpr std::string_view kGenotype = "Genotype";

/// What a genotype's fields are called; a dictionary that begins with one of them is a genotype.
constexpr std::array<std::string_view, 6> kFields = {"normal",        "normal_concat", "reduce",
                                                     "reduce_concat", "recurrent",     "concat"};

/// The first character that is no blank; '\0' where there is none.
char after_blanks(std::string_view text) {
  const auto found = std::find_if(text.begin(), text.end(), [](char c) {
    return std::isspace(static_cast<unsigned char>(c)) == 0;
  });
  return found == text.end() ? '\0' : *found;
}

bool begins_call(std::string_view text) {
  return text.starts_with(kGenotype) && after_blanks(text.substr(kGenotype.size())) == '(';
}

/// {'field': ...
bool begins_dictionary(std::string_view text) {
  const char quote = after_blanks(text.substr(1));
  if (quote != '\'' && quote != '"') return false;
  const std::string_view rest = text.substr(text.find(quote) + 1);
  const std::string_view word = rest.substr(0, rest.find(quote));
  if (std::find(kFields.begin(), kFields.end(), word) == kFields.end()) return false;
  return word.size() < rest.size() && after_blanks(rest.substr(word.size() + 1)) == ':';
}

/// Where each "Genotype(" and each dictionary of a genotype begins. Comments are not skipped here:
/// the time stays linear in the text.
std::vector<std::size_t> find_genotypes(std::string_view text) {
  std::vector<std::size_t> places;
  for (std::size_t at = text.find_first_of("G{"); at != std::string_view::npos;
       at = text.find_first_of("G{", at + 1)) {
    const std::string_view rest = text.substr(at);
    if (rest[0] == '{' ? begins_dictionary(rest) : begins_call(rest)) places.push_back(at);
  }
  return places;
}

void add_field(PythonReader& reader, Json& fields, const std::string& key, char close) {
  if (fields.contains(key)) reader.fail(concat("'", key, "' is given twice"));
  fields[key] = reader.value();
  if (!reader.take(',') && reader.peek() != close) {
    reader.fail(concat("expected ',' or '", close, "'"));
  }
}

/// (name=value, ...)
Json call_fields(PythonReader& reader) {
  reader.expect_next('(', "'(' after Genotype");
  Json fields = Json::object();
  while (!reader.take(')')) {
    const std::string key = reader.name("a name, as in normal=[...]");
    reader.expect_next('=', concat("'=' after ", key));
    add_field(reader, fields, key, ')');
  }
  return fields;
}

/// 'name': value, ...}
Json dictionary_fields(PythonReader& reader) {
  Json fields = Json::object();
  while (!reader.take('}')) {
    const char quote = reader.peek();
    if (quote != '\'' && quote != '"') {
      reader.fail("expected a name in quotes, as in 'normal': [...]");
    }
    const std::string key = reader.quoted();
    reader.expect_next(':', concat("':' after '", key, "'"));
    add_field(reader, fields, key, '}');
  }
  return fields;
}

/// Which of `count` genotypes is read, from 1. Throws InputError when there is no nth one.
int chosen_number(int nth, int count, std::string_view file) {
  if (count == 0) {
    throw InputError(concat(file,
                            " has no genotype; expected Genotype(normal=[...], ...), or "
                            "Genotype(recurrent=[...], ...), or a dictionary with these names"));
  }
  if (nth > count) {
    throw InputError(concat(file, " has ", count, count == 1 ? " genotype" : " genotypes",
                            ", but --nth is ", nth));
  }
  return nth == 0 ? count : nth;
}

}  // namespace

Genotype genotype_from_text(std::string_view text, std::string_view file, int nth) {
  const std::string plain = with_plain_blanks(text, file);
  const std::vector<std::size_t> places = find_genotypes(plain);
  const int count = static_cast<int>(places.size());
  const int number = chosen_number(nth, count, file);
  const std::size_t place = places[static_cast<std::size_t>(number - 1)];
  PythonReader reader(plain, file);
  if (count > 1) {
    reader.set_note(concat(" (genotype ", number, " of ", count, "; --nth takes another)"));
  }
  reader.move_to(place);
  Genotype found{.fields = {}, .line = reader.line(), .count = count};
  const bool is_dictionary = plain[place] == '{';
  reader.move_to(place + (is_dictionary ? 1 : kGenotype.size()));
  found.fields = is_dictionary ? dictionary_fields(reader) : call_fields(reader);
  return found;
}

}  // namespace enas::space
