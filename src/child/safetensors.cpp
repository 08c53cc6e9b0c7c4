// SPDX-License-Identifier: Apache-2.0
#include "child/safetensors.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/error.hpp"
#include "core/json.hpp"
#include "core/text.hpp"

namespace enas::child {
namespace {

static_assert(std::endian::native == std::endian::little, "values are written as they lie");

// The format asks for values at multiples of 8; blanks may follow the header.
constexpr std::size_t kAlignment = 8;

std::string padded_header(const Json& header) {
  std::string text = header.dump();
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  return text;
}

}  // namespace

std::string safetensors(const std::vector<nn::Weight>& tensors,
                        const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t end = 0;
  for (const auto& [name, value, decays] : tensors) {
    expect(value.scalar_type() == at::kFloat && value.device().is_cpu() && value.is_contiguous(),
           "a written tensor is contiguous float32 on the CPU");
    expect(!header.contains(name), "a written tensor has a name of its own");
    const std::size_t begin = end;
    end += value.nbytes();
    header[name] = {
        {"dtype", "F32"}, {"shape", value.sizes().vec()}, {"data_offsets", {begin, end}}};
  }
  const std::string text = padded_header(header);
  const std::uint64_t length = text.size();
  std::string bytes;
  bytes.reserve(sizeof length + text.size() + end);
  bytes.append(reinterpret_cast<const char*>(&length), sizeof length);
  bytes += text;
  for (const nn::Weight& tensor : tensors) {
    bytes.append(static_cast<const char*>(tensor.value.const_data_ptr()), tensor.value.nbytes());
  }
  return bytes;
}

}  // namespace enas::child
