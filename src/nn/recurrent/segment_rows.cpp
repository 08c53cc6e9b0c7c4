// SPDX-License-Identifier: Apache-2.0
#include "nn/recurrent/segment_rows.hpp"

#include <ATen/Parallel.h>

#include <algorithm>

#include "nn/kernel/highway_kernel.hpp"
#include "nn/kernel/product.hpp"
#include "nn/kernel/product_kernel.hpp"

namespace enas::nn {
namespace {

constexpr std::int64_t kRowUnit = 8;  // rows that a product takes at once

template <typename Visit>
void over_rows(std::int64_t batch, Visit visit) {
  at::parallel_for(0, (batch + kRowUnit - 1) / kRowUnit, 1,
                   [&](std::int64_t begin, std::int64_t end) {
                     visit(begin * kRowUnit, std::min(end * kRowUnit, batch));
                   });
}

template <typename Value>
Value* data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<Value*>(tensor.data_ptr()) : nullptr;
}

const float* at_offset(const float* data, std::int64_t offset) {
  return data == nullptr ? nullptr : data + offset;
}

/// Right factors of all nodes: weights as they are for the forward, transposed for the backward.
class RightFactors {
 public:
  RightFactors(const Segment& segment, bool transposed)
      : width_(segment.width),
        depth_(transposed ? 2 * width_ : width_),
        columns_(transposed ? width_ : 2 * width_),
        transposed_(transposed) {
    if (segment.precision == Precision::bfloat16) {
      for (std::size_t l = 0; l < segment.cell.nodes.size(); ++l) {
        bits_.push_back(data_or_null<std::uint16_t>(segment.factor_weights[l]));
      }
      return;
    }
    const std::int64_t size = packed_size(depth_, columns_);
    const auto count = static_cast<std::int64_t>(segment.cell.nodes.size());
    at::Tensor all = segment.workspace->take("segment/packed", {count, size}, segment.x.options());
    const std::int64_t panels = num_panels(columns_);
    for (std::int64_t l = 0; l < count; ++l) packed_.push_back(all.data_ptr<float>() + l * size);
    std::vector<MatrixView> views;
    for (std::size_t l = 0; l < packed_.size(); ++l) {
      const MatrixView view = {segment.state_weight(l).const_data_ptr<float>(), 2 * width_, 1};
      views.push_back(transposed ? view.transposed() : view);
    }
    at::parallel_for(0, count * panels, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto l = static_cast<std::size_t>(i / panels);
        pack_panels(views[l], depth_, columns_, i % panels, i % panels + 1, packed_[l]);
      }
    });
  }

  bool has_bits() const { return !bits_.empty(); }

  void multiply(std::size_t node, const float* left, std::int64_t rows, float* out,
                bool accumulate) const {
    multiply_panels(
        {{left, depth_, 1}, packed_[node], rows, depth_, columns_, out, columns_, accumulate});
  }
  void multiply(std::size_t node, const std::uint16_t* left, std::int64_t rows, float* out,
                bool accumulate) const {
    multiply_bfloat16(
        {left, false, bits_[node], transposed_, rows, depth_, columns_, out, columns_, accumulate});
  }

 private:
  std::int64_t width_, depth_, columns_;
  bool transposed_;
  std::vector<float*> packed_;
  std::vector<const std::uint16_t*> bits_;
};

/// Where everything of a segment lies.
class RowLoop {
 public:
  RowLoop(Segment& segment, bool backward)
      : s_(segment),
        num_nodes_(segment.cell.nodes.size()),
        step_(segment.batch * segment.width),
        factors_(segment, backward),
        mask_(data_or_null<float>(segment.cell.state_mask)),
        outputs_(data_or_null<float>(segment.outputs)),
        direct_(data_or_null<float>(segment.direct)),
        masked_gradient_(data_or_null<float>(segment.masked_gradient)),
        factor_nodes_(data_or_null<std::uint16_t>(segment.factor_nodes)),
        factor_u_(data_or_null<std::uint16_t>(segment.factor_u)) {}

  void forward_step(std::int64_t t, std::int64_t begin, std::int64_t end);
  void backward_step(std::int64_t t, const float* top, std::int64_t begin, std::int64_t end);
  /// The gradient of the state that step t has left.
  void add_state_gradient(const float* output_gradient, std::int64_t begin, std::int64_t end,
                          float* top) const {
    const std::int64_t first = begin * s_.width;
    add_masked(at_offset(output_gradient, first), direct_ + first, masked_gradient_ + first,
               at_offset(mask_, first), (end - begin) * s_.width, top + first);
  }

 private:
  std::int64_t place(std::int64_t node, std::int64_t t) const {
    return (node * (s_.keep ? s_.steps : 1) + s_.slot(t)) * step_;
  }
  const float* state(std::int64_t t) const {
    return t == 0 ? s_.state.const_data_ptr<float>() : outputs_ + (t - 1) * step_;
  }
  float* node(std::int64_t l, std::int64_t t) const {
    return s_.nodes.data_ptr<float>() + place(l, t);
  }
  /// -1 is the state.
  float* masked(std::int64_t l, std::int64_t t) const {
    if (l < 0) return s_.masked_state.data_ptr<float>() + place(0, t);
    return mask_ == nullptr ? node(l, t) : s_.masked_nodes.data_ptr<float>() + place(l, t);
  }
  float* u(std::int64_t l, std::int64_t t) const {
    return l == 0 ? s_.first_u.data_ptr<float>() + t * 2 * step_
                  : s_.node_u.data_ptr<float>() + 2 * place(l - 1, t);
  }
  HighwayRows rows_of(std::size_t l, std::int64_t t, std::int64_t begin, std::int64_t end) const {
    const auto number = static_cast<std::int64_t>(l);
    const std::int64_t first = begin * s_.width;
    const CellNode& node_of = s_.cell.nodes[l];
    const float* const carry = l == 0 ? state(t) : node(node_of.previous, t);
    return {node_of.function,        end - begin, s_.width, carry + first, at_offset(mask_, first),
            u(number, t) + 2 * first};
  }

  Segment& s_;
  std::size_t num_nodes_;
  std::int64_t step_;  // floats of one [B, H]
  RightFactors factors_;
  const float* mask_;
  float *outputs_, *direct_, *masked_gradient_;
  std::uint16_t *factor_nodes_, *factor_u_;
};

void RowLoop::forward_step(std::int64_t t, std::int64_t begin, std::int64_t end) {
  const std::int64_t first = begin * s_.width;
  const std::int64_t rows = end - begin;
  const std::int64_t count = rows * s_.width;
  const auto round_factor = [&](std::int64_t l) {
    if (!factors_.has_bits()) return;
    to_bfloat16(masked(l, t) + first, count, factor_nodes_ + place(l + 1, t) + first);
  };
  apply_mask(state(t) + first, at_offset(mask_, first), count, masked(-1, t) + first);
  round_factor(-1);
  for (std::size_t l = 0; l < num_nodes_; ++l) {
    const auto number = static_cast<std::int64_t>(l);
    const int previous = s_.cell.nodes[l].previous;
    float* const out = u(number, t) + 2 * first;
    if (factors_.has_bits()) {
      factors_.multiply(l, factor_nodes_ + place(previous + 1, t) + first, rows, out, l == 0);
    } else {
      factors_.multiply(l, masked(previous, t) + first, rows, out, l == 0);
    }
    const bool needs_masked = mask_ != nullptr && s_.is_read[l];
    highway_forward_rows(rows_of(l, t, begin, end), node(number, t) + first,
                         needs_masked ? masked(number, t) + first : nullptr);
    if (s_.is_read[l]) round_factor(number);
  }
  std::vector<const float*> sources;
  for (const int l : s_.cell.outputs) sources.push_back(node(l, t) + first);
  scaled_sum(sources.data(), sources.size(), count, static_cast<float>(s_.top_scale()),
             outputs_ + t * step_ + first);
}

void RowLoop::backward_step(std::int64_t t, const float* top, std::int64_t begin,
                            std::int64_t end) {
  const std::int64_t first = begin * s_.width;
  const std::int64_t rows = end - begin;
  std::vector<bool> reached(num_nodes_ + 1, false);
  for (std::size_t l = num_nodes_; l-- > 0;) {
    const auto number = static_cast<std::int64_t>(l);
    HighwayGradientRows gradient;
    gradient.top_scale = static_cast<float>(s_.top_scale());
    if (s_.is_output[l]) gradient.top = top + first;
    if (s_.is_read[l]) {
      gradient.direct = direct_ + (number + 1) * step_ + first;
      gradient.masked = masked_gradient_ + (number + 1) * step_ + first;
    }
    const auto source = static_cast<std::size_t>(s_.cell.nodes[l].previous + 1);
    const std::int64_t kept = static_cast<std::int64_t>(source) * step_ + first;
    const HighwayRows node_rows = rows_of(l, t, begin, end);
    highway_backward_rows(node_rows, gradient, direct_ + kept, reached[source]);
    if (factors_.has_bits()) {
      std::uint16_t* const bits = factor_u_ + 2 * (place(number, t) + first);
      to_bfloat16(node_rows.u, 2 * rows * s_.width, bits);
      factors_.multiply(l, bits, rows, masked_gradient_ + kept, reached[source]);
    } else {
      factors_.multiply(l, node_rows.u, rows, masked_gradient_ + kept, reached[source]);
    }
    reached[source] = true;
  }
}

}  // namespace

bool has_segment_rows(const Segment& segment) {
  return segment.x.device().is_cpu() && segment.x.scalar_type() == at::kFloat &&
         (segment.precision == Precision::float32 || has_mixed_product());
}

void forward_rows(Segment& segment) {
  RowLoop loop(segment, /*backward=*/false);
  if (!segment.cell.batch_norm) {
    over_rows(segment.batch, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = 0; t < segment.steps; ++t) loop.forward_step(t, begin, end);
    });
    return;
  }
  for (std::int64_t t = 0; t < segment.steps; ++t) {
    over_rows(segment.batch,
              [&](std::int64_t begin, std::int64_t end) { loop.forward_step(t, begin, end); });
    segment.apply_batch_norm(t);
  }
}

at::Tensor backward_rows(Segment& segment, const at::Tensor& output_gradients) {
  RowLoop loop(segment, /*backward=*/true);
  const std::int64_t steps = segment.steps;
  const at::Tensor contiguous = output_gradients.contiguous();
  const auto gradient_at = [&](std::int64_t t) {
    return contiguous.const_data_ptr<float>() + t * segment.batch * segment.width;
  };
  at::Tensor top = at::empty({segment.batch, segment.width}, segment.x.options());
  float* const sum = top.data_ptr<float>();
  // The gradient of the output of step t, in `sum` for all steps but the last.
  const auto gather = [&](std::int64_t t, std::int64_t begin, std::int64_t end) {
    if (t + 1 == steps) return gradient_at(t);
    loop.add_state_gradient(gradient_at(t), begin, end, sum);
    return static_cast<const float*>(sum);
  };
  if (!segment.cell.batch_norm) {
    over_rows(segment.batch, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = steps - 1; t >= 0; --t) {
        loop.backward_step(t, gather(t, begin, end), begin, end);
      }
    });
  } else {
    for (std::int64_t t = steps - 1; t >= 0; --t) {
      gather(t, 0, segment.batch);
      const at::Tensor arrived = t + 1 == steps ? contiguous.select(0, t) : top;
      const at::Tensor inner = segment.through_batch_norm(t, arrived).contiguous();
      over_rows(segment.batch, [&](std::int64_t begin, std::int64_t end) {
        loop.backward_step(t, inner.const_data_ptr<float>(), begin, end);
      });
    }
  }
  loop.add_state_gradient(nullptr, 0, segment.batch, sum);
  return top;
}

}  // namespace enas::nn
