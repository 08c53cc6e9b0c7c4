// SPDX-License-Identifier: Apache-2.0
// Gradients are made in the forward pass, while a block's probabilities are at hand.
#include "nn/recurrent/cross_entropy.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <optional>

#include "nn/kernel/product.hpp"
#include "nn/recurrent/cross_entropy_rows.hpp"

namespace enas::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The same as cross_entropy_rows() in LibTorch's operations, on any device.
double cross_entropy_blocks(const at::Tensor& outputs, const OutputWeights& weights,
                            const at::Tensor& targets, Workspace& workspace, Precision precision,
                            const CrossEntropyGradients& gradients) {
  const at::Tensor& embedding = weights.embedding;
  const std::int64_t num_rows = outputs.size(0);
  const double share = 1.0 / static_cast<double>(num_rows);
  at::Tensor total = at::zeros({}, outputs.options().dtype(at::kDouble));
  for (std::int64_t begin = 0; begin < num_rows; begin += kCrossEntropyRows) {
    const std::int64_t rows = std::min(kCrossEntropyRows, num_rows - begin);
    const auto take = [&](std::string_view name) {
      return workspace.take(name, {rows, embedding.size(0)}, outputs.options());
    };
    const at::Tensor read = outputs.narrow(0, begin, rows);
    const at::Tensor target = targets.narrow(0, begin, rows).unsqueeze(1);
    at::Tensor logits = take("cross_entropy/logits");
    product_out(logits, read, embedding.t(), precision);
    if (weights.bias.defined()) logits.add_(weights.bias);
    at::Tensor probabilities = take("cross_entropy/probabilities");
    at::_log_softmax_out(probabilities, logits, 1, false);
    total.sub_(probabilities.gather(1, target).sum(at::kDouble));
    if (!gradients.outputs.defined()) continue;
    probabilities.exp_();
    // Now the gradient of the logits, times the rows.
    probabilities.scatter_add_(1, target, at::full_like(target, -1.0, outputs.options()));
    product_out(gradients.outputs.narrow(0, begin, rows), probabilities, embedding, precision);
    product_out(gradients.embedding, probabilities.t(), read * share, precision, begin > 0);
    if (!gradients.bias.defined()) continue;
    if (begin == 0) gradients.bias.zero_();
    gradients.bias.add_(probabilities.sum(0), share);
  }
  if (gradients.outputs.defined()) gradients.outputs.mul_(share);
  return total.item<double>();
}

double total_of(const at::Tensor& outputs, const OutputWeights& weights, const at::Tensor& targets,
                Workspace& workspace, Precision precision, const CrossEntropyGradients& gradients) {
  const auto run = has_cross_entropy_rows(outputs, weights.embedding, precision)
                       ? cross_entropy_rows
                       : cross_entropy_blocks;
  const OutputWeights contiguous = {weights.embedding.contiguous(), weights.bias.defined()
                                                                        ? weights.bias.contiguous()
                                                                        : at::Tensor()};
  return run(outputs.contiguous(), contiguous, targets.contiguous(), workspace, precision,
             gradients);
}

struct CrossEntropyFunction : torch::autograd::Function<CrossEntropyFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& outputs_,
                            const at::Tensor& embedding_, const std::optional<at::Tensor>& bias_,
                            const at::Tensor& targets, Workspace* workspace, Precision precision) {
    const at::Tensor outputs = outputs_.detach();
    const OutputWeights weights = {embedding_.detach(), bias_ ? bias_->detach() : at::Tensor()};
    CrossEntropyGradients gradients = {
        at::empty_like(outputs, at::MemoryFormat::Contiguous),
        at::empty_like(weights.embedding, at::MemoryFormat::Contiguous),
        {}};
    if (bias_) gradients.bias = at::empty_like(weights.bias);
    prefer_large_pages(gradients.embedding);
    const double total = total_of(outputs, weights, targets, *workspace, precision, gradients);
    context->saved_data["outputs"] = gradients.outputs;
    context->saved_data["embedding"] = gradients.embedding;
    if (bias_) context->saved_data["bias"] = gradients.bias;
    return at::full({}, total / static_cast<double>(outputs.size(0)),
                    outputs.options().dtype(at::kDouble));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    at::Tensor outputs = context->saved_data["outputs"].toTensor();
    at::Tensor embedding = context->saved_data["embedding"].toTensor();
    at::Tensor bias;
    const auto saved = context->saved_data.find("bias");
    if (saved != context->saved_data.end()) bias = saved->second.toTensor();
    const double scale = gradients[0].item<double>();
    if (scale != 1.0) {
      outputs = outputs * scale;
      embedding = embedding * scale;
      if (bias.defined()) bias = bias * scale;
    }
    context->saved_data.clear();  // so that the caller owns them alone
    return {outputs, embedding, bias, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor cross_entropy(const at::Tensor& outputs, const at::Tensor& embedding,
                         const at::Tensor& targets, Workspace& workspace, Precision precision,
                         const at::Tensor& bias) {
  const auto given = bias.defined() ? std::optional(bias) : std::nullopt;
  return CrossEntropyFunction::apply(outputs, embedding, given, targets, &workspace, precision);
}

double cross_entropy_total(const at::Tensor& outputs, const at::Tensor& embedding,
                           const at::Tensor& targets, Workspace& workspace, Precision precision,
                           const at::Tensor& bias) {
  const at::NoGradGuard no_gradients;
  return total_of(outputs, {embedding, bias}, targets, workspace, precision, {});
}

}  // namespace enas::nn
