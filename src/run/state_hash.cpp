// SPDX-License-Identifier: Apache-2.0
#include "core/error.hpp"
#include "core/match.hpp"
#include "core/text.hpp"
#include "io/digest.hpp"
#include "run/state_file.hpp"

namespace enas::run {

namespace {

template <typename T>
void digest_dataset(const io::ImageReader& image, const std::string& path, io::Digester& digester) {
  const std::vector<T> values = image.read<T>(path);
  digester.add(path).add_values(std::span<const T>(values));
}

/// Names and values of a dataset or of everything in a group, in sorted order.
void digest_tree(const io::ImageReader& image, const std::string& path, io::Digester& digester) {
  const std::string kind = image.kind(path);
  if (kind == "group") {
    for (const auto& member : image.members(path)) {
      digest_tree(image, path + "/" + member, digester);
    }
  } else if (kind == "float32") {
    digest_dataset<float>(image, path, digester);
  } else if (kind == "float64") {
    digest_dataset<double>(image, path, digester);
  } else if (kind == "int32") {
    digest_dataset<std::int32_t>(image, path, digester);
  } else if (kind == "int64") {
    digest_dataset<std::int64_t>(image, path, digester);
  } else {
    throw InputError(concat(path, " holds values of the type ", kind, ", as no checkpoint does"));
  }
}

void digest_number(const io::ImageReader& image, const Number& number, io::Digester& digester) {
  if (!number.is_hashed) return;
  if (std::holds_alternative<std::int64_t*>(number.value)) {
    const std::int64_t value = image.int_attribute(number.group, number.name);
    digester.add_value(static_cast<std::uint64_t>(value));
  } else {
    const double value = image.double_attribute(number.group, number.name);
    digester.add_values(std::span<const double>(&value, 1));
  }
}

}  // namespace

std::string hash_of(const io::ImageReader& image, const State& fields) {
  io::Digester digester;
  for (const Field& field : fields.fields) {
    std::visit(Match{[&](const ArrayGroup& group) { digest_tree(image, group.path, digester); },
                     [&](const Sequence& sequence) { digest_tree(image, sequence.path, digester); },
                     [&](const Number& number) { digest_number(image, number, digester); },
                     [&](const SlotStates&) { digest_tree(image, "/slots", digester); },
                     [&](const Subject& subject) {
                       digester.add(image.string_attribute("/", subject.name));
                     }},
               field);
  }
  return digester.finish().hex();
}

}  // namespace enas::run
