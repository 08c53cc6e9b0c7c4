// SPDX-License-Identifier: Apache-2.0
#include "run/named_array.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace enas::run {

std::span<std::byte> NamedArray::bytes() const {
  return std::visit([](auto view) { return std::as_writable_bytes(view); }, values);
}

NamedArray named_array(const std::string& name, const at::Tensor& value) {
  expect(value.is_contiguous() && value.scalar_type() == at::kFloat && value.device().is_cpu(),
         "state tensors are contiguous float32 on the CPU");
  return {name, value.sizes().vec(),
          std::span<float>(value.data_ptr<float>(), static_cast<std::size_t>(value.numel()))};
}

std::vector<NamedArray> arrays_of(std::span<const nn::Weight> weights) {
  std::vector<NamedArray> arrays;
  arrays.reserve(weights.size());
  for (const auto& weight : weights) {
    arrays.push_back(named_array(weight.name, weight.value));
  }
  return arrays;
}

io::Digest digest_of(std::span<const NamedArray> arrays) {
  io::Digester digester;
  for (const auto& array : arrays) {
    digester.add(array.name);
    digester.add(array.bytes());
  }
  return digester.finish();
}

void copy_values(std::span<const NamedArray> from, std::span<const NamedArray> to) {
  expect(from.size() == to.size(), "both states have the same arrays");
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto source = from[i].bytes();
    const auto target = to[i].bytes();
    expect(from[i].name == to[i].name && source.size() == target.size(),
           "both states have the same arrays");
    std::copy(source.begin(), source.end(), target.begin());
  }
}

bool all_finite(const NamedArray& array) {
  return std::visit(
      [](auto view) {
        return std::all_of(view.begin(), view.end(),
                           [](auto value) { return std::isfinite(static_cast<double>(value)); });
      },
      array.values);
}

}  // namespace enas::run
