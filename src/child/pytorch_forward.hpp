// SPDX-License-Identifier: Apache-2.0
// The steps of a planned network as lines of Python.
#pragma once

#include <string>

#include "child/image_plan.hpp"

namespace enas::child {

/// The body of `forward(self, images)`, each line indented by 8 blanks: calls of self.conv,
/// self.norm, self.reduction, avg_pool, max_pool, relu and torch.cat on local variables, which are
/// used again as soon as nothing reads them any more. Ends with the return of the main logits.
std::string pytorch_forward(const ImagePlan& plan);

}  // namespace enas::child
