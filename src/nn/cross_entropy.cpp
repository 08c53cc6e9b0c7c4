// SPDX-License-Identifier: Apache-2.0
// Gradients are made in the forward pass, while a block's probabilities are at hand.
#include "nn/cross_entropy.hpp"

#include <torch/torch.h>

#include <algorithm>

#include "nn/cross_entropy_rows.hpp"
#include "nn/product.hpp"

namespace enas::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The same as cross_entropy_rows() in LibTorch's operations, on any device.
double cross_entropy_blocks(const at::Tensor& outputs, const at::Tensor& embedding,
                            const at::Tensor& targets, Workspace& workspace, Precision precision,
                            const CrossEntropyGradients& gradients) {
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
    at::Tensor probabilities = take("cross_entropy/probabilities");
    at::_log_softmax_out(probabilities, logits, 1, false);
    total.sub_(probabilities.gather(1, target).sum(at::kDouble));
    if (!gradients.outputs.defined()) continue;
    probabilities.exp_();
    // Now the gradient of the logits, times the rows.
    probabilities.scatter_add_(1, target, at::full_like(target, -1.0, outputs.options()));
    product_out(gradients.outputs.narrow(0, begin, rows), probabilities, embedding, precision);
    product_out(gradients.embedding, probabilities.t(), read * share, precision, begin > 0);
  }
  if (gradients.outputs.defined()) gradients.outputs.mul_(share);
  return total.item<double>();
}

double total_of(const at::Tensor& outputs, const at::Tensor& embedding, const at::Tensor& targets,
                Workspace& workspace, Precision precision, const CrossEntropyGradients& gradients) {
  const auto run = has_cross_entropy_rows(outputs, embedding, precision) ? cross_entropy_rows
                                                                         : cross_entropy_blocks;
  return run(outputs.contiguous(), embedding.contiguous(), targets.contiguous(), workspace,
             precision, gradients);
}

struct CrossEntropyFunction : torch::autograd::Function<CrossEntropyFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& outputs_,
                            const at::Tensor& embedding_, const at::Tensor& targets,
                            Workspace* workspace, Precision precision) {
    const at::Tensor outputs = outputs_.detach();
    const at::Tensor embedding = embedding_.detach();
    const CrossEntropyGradients gradients = {at::empty(outputs.sizes(), outputs.options()),
                                             at::empty(embedding.sizes(), embedding.options())};
    prefer_large_pages(gradients.embedding);
    const double total = total_of(outputs, embedding, targets, *workspace, precision, gradients);
    context->saved_data["outputs"] = gradients.outputs;
    context->saved_data["embedding"] = gradients.embedding;
    return at::full({}, total / static_cast<double>(outputs.size(0)),
                    outputs.options().dtype(at::kDouble));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    at::Tensor outputs = context->saved_data["outputs"].toTensor();
    at::Tensor embedding = context->saved_data["embedding"].toTensor();
    const double scale = gradients[0].item<double>();
    if (scale != 1.0) {
      outputs = outputs * scale;
      embedding = embedding * scale;
    }
    context->saved_data.clear();  // so that the caller owns them alone
    return {outputs, embedding, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor cross_entropy(const at::Tensor& outputs, const at::Tensor& embedding,
                         const at::Tensor& targets, Workspace& workspace, Precision precision) {
  return CrossEntropyFunction::apply(outputs, embedding, targets, &workspace, precision);
}

double cross_entropy_total(const at::Tensor& outputs, const at::Tensor& embedding,
                           const at::Tensor& targets, Workspace& workspace, Precision precision) {
  const at::NoGradGuard no_gradients;
  return total_of(outputs, embedding, targets, workspace, precision, {});
}

}  // namespace enas::nn
