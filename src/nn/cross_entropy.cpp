// SPDX-License-Identifier: Apache-2.0
// Gradients are made in the forward pass, while a block's probabilities are at hand.
#include "nn/cross_entropy.hpp"

#include <torch/torch.h>

#include <algorithm>

namespace enas::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// One block of rows and its log-probabilities.
struct Block {
  std::int64_t begin, rows;
  at::Tensor targets;            // [rows, 1]
  at::Tensor log_probabilities;  // [rows, V], in the workspace
};

/// Calls visit(block) for all blocks in order; returns the total in nats.
template <typename Visit>
double for_each_block(const at::Tensor& outputs, const at::Tensor& embedding,
                      const at::Tensor& targets, Workspace& workspace, Visit visit) {
  const std::int64_t num_rows = outputs.size(0);
  at::Tensor total = at::zeros({}, outputs.options().dtype(at::kDouble));
  for (std::int64_t begin = 0; begin < num_rows; begin += kCrossEntropyRows) {
    const std::int64_t rows = std::min(kCrossEntropyRows, num_rows - begin);
    const auto sizes = {rows, embedding.size(0)};
    at::Tensor logits = workspace.take("cross_entropy/logits", sizes, outputs.options());
    Block block{begin, rows, targets.narrow(0, begin, rows).unsqueeze(1),
                workspace.take("cross_entropy/log_probabilities", sizes, outputs.options())};
    at::mm_out(logits, outputs.narrow(0, begin, rows), embedding.t());
    at::_log_softmax_out(block.log_probabilities, logits, 1, false);
    total.sub_(block.log_probabilities.gather(1, block.targets).sum(at::kDouble));
    visit(block);
  }
  return total.item<double>();
}

struct CrossEntropyFunction : torch::autograd::Function<CrossEntropyFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& outputs_,
                            const at::Tensor& embedding_, const at::Tensor& targets,
                            Workspace* workspace) {
    const at::Tensor outputs = outputs_.detach().contiguous();
    const at::Tensor embedding = embedding_.detach();
    const double share = 1.0 / static_cast<double>(outputs.size(0));
    at::Tensor output_gradient = at::empty_like(outputs);
    at::Tensor embedding_gradient = at::empty_like(embedding);
    const double total = for_each_block(outputs, embedding, targets, *workspace, [&](Block& block) {
      at::Tensor gradient = block.log_probabilities.exp_();  // of logits, times the rows
      gradient.scatter_add_(1, block.targets,
                            at::full_like(block.targets, -1.0, gradient.options()));
      const at::Tensor read = outputs.narrow(0, block.begin, block.rows) * share;
      at::Tensor rows = output_gradient.narrow(0, block.begin, block.rows);
      at::mm_out(rows, gradient, embedding);
      if (block.begin == 0) {
        at::mm_out(embedding_gradient, gradient.t(), read);
      } else {
        at::addmm_out(embedding_gradient, embedding_gradient, gradient.t(), read);
      }
    });
    output_gradient.mul_(share);
    context->saved_data["outputs"] = output_gradient;
    context->saved_data["embedding"] = embedding_gradient;
    return at::full({}, total * share, outputs.options().dtype(at::kDouble));
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
    return {outputs, embedding, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor cross_entropy(const at::Tensor& outputs, const at::Tensor& embedding,
                         const at::Tensor& targets, Workspace& workspace) {
  return CrossEntropyFunction::apply(outputs, embedding, targets, &workspace);
}

double cross_entropy_total(const at::Tensor& outputs, const at::Tensor& embedding,
                           const at::Tensor& targets, Workspace& workspace) {
  const at::NoGradGuard no_gradients;
  return for_each_block(outputs, embedding, targets, workspace, [](Block&) {});
}

}  // namespace enas::nn
