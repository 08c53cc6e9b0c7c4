// SPDX-License-Identifier: Apache-2.0
// Paints the images. Uses sums, products, quotients and square roots only, because all machines
// round these in the same way.
#include "data/shapes.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "core/error.hpp"
#include "core/random.hpp"
#include "core/text.hpp"

namespace enas::data {
namespace {

constexpr int kNumShapes = 5;
constexpr int kNumTextures = 2;
constexpr int kChannels = 3;
constexpr int kSamples = 3;  // along each side of a pixel; their mean makes edges soft
constexpr int kMostImages = 1000000;

using Colour = std::array<double, kChannels>;

struct Point {
  double x;
  double y;
};

/// Whether the point is on the shape. All have about the same area and lie within 1.1 of the
/// origin.
bool covers(int shape, Point p) {
  const double x = std::abs(p.x);
  const double y = std::abs(p.y);
  const double squared = x * x + y * y;
  switch (shape) {
    case 0:  // disc
      return squared <= 0.64;
    case 1:  // square
      return std::max(x, y) <= 0.72;
    case 2:  // triangle: height 1.65, centre of mass in the origin
      return p.y >= -0.55 && 1.7320508 * x + p.y <= 1.1;
    case 3:  // ring
      return squared <= 1.0 && squared >= 0.36;
    default:  // cross
      return std::min(x, y) <= 0.32 && std::max(x, y) <= 1.0;
  }
}

/// Everything about an image but its class.
struct Nuisance {
  Point centre;     ///< of the shape, in an image of [-1, 1]²
  double scale;     ///< of the shape
  Point direction;  ///< its rotation, as a unit vector
  Colour background;
  Colour slope;  ///< of the background from the centre to the edge
  Point slope_direction;
  Colour contrast;      ///< shape less background
  double stripe_phase;  ///< in stripes
};

double between(RandomStream& stream, double low, double high) {
  return low + (high - low) * stream.next_uniform();
}

Point draw_direction(RandomStream& stream) {
  while (true) {
    const Point p = {between(stream, -1, 1), between(stream, -1, 1)};
    const double squared = p.x * p.x + p.y * p.y;
    if (squared > 1.0 || squared < 0.01) continue;
    const double length = std::sqrt(squared);
    return {p.x / length, p.y / length};
  }
}

Nuisance draw_nuisance(RandomStream& stream) {
  Nuisance drawn{};
  drawn.centre = {between(stream, -0.2, 0.2), between(stream, -0.2, 0.2)};
  drawn.scale = between(stream, 0.6, 0.85);
  drawn.direction = draw_direction(stream);
  drawn.slope_direction = draw_direction(stream);
  drawn.stripe_phase = between(stream, 0, 2);
  const double contrast = between(stream, 0.25, 0.5) * (stream.next_below(2) == 0 ? 1 : -1);
  for (std::size_t c = 0; c < kChannels; ++c) {
    drawn.background[c] = between(stream, 0.3, 0.7);
    drawn.slope[c] = between(stream, -0.15, 0.15);
    drawn.contrast[c] = contrast * between(stream, 0.5, 1.2);
  }
  return drawn;
}

/// What the shape adds to the background at a point of the image, as a factor of the contrast.
double paint(int label, const Nuisance& nuisance, Point p, double stripe_width) {
  const Point moved = {(p.x - nuisance.centre.x) / nuisance.scale,
                       (p.y - nuisance.centre.y) / nuisance.scale};
  const Point turned = {moved.x * nuisance.direction.x + moved.y * nuisance.direction.y,
                        moved.y * nuisance.direction.x - moved.x * nuisance.direction.y};
  if (!covers(label % kNumShapes, turned)) return 0;
  const bool striped = label / kNumShapes == 1;
  const double stripe = turned.y * nuisance.scale / stripe_width + nuisance.stripe_phase;
  // Stripes are alternately brighter and darker than the background by the same amount, so that
  // outlines can be seen everywhere.
  return striped && std::floor(stripe / 2) * 2 < std::floor(stripe) ? -1 : 1;
}

/// Nearly normal, standard deviation 1: the sum of four uniform numbers of 16 bits.
double draw_noise(RandomStream& stream) {
  const std::uint64_t bits = stream.next_bits();
  const std::uint64_t sum =
      (bits & 0xffffU) + (bits >> 16 & 0xffffU) + (bits >> 32 & 0xffffU) + (bits >> 48);
  constexpr double kMean = 2.0 * 0xffff;
  constexpr double kDeviation = 37837.22;  // 65536 / √3
  return (static_cast<double>(sum) - kMean) / kDeviation;
}

void draw_image(const ShapesOptions& options, int label, RandomStream stream,
                std::uint8_t* pixels) {
  const Nuisance nuisance = draw_nuisance(stream);
  const double pixel = 2.0 / options.size;
  const double stripe_width =
      std::max(0.22, 2.0 * pixel);  // stripes of one pixel could not be seen
  for (int row = 0; row < options.size; ++row) {
    for (int column = 0; column < options.size; ++column) {
      double painted = 0;
      for (int sample = 0; sample < kSamples * kSamples; ++sample) {
        const double x = -1 + pixel * (column + (sample % kSamples + 0.5) / kSamples);
        const double y = -1 + pixel * (row + (sample / kSamples + 0.5) / kSamples);
        painted += paint(label, nuisance, {x, y}, stripe_width);
      }
      painted /= kSamples * kSamples;
      const double along = nuisance.slope_direction.x * (pixel * (column + 0.5) - 1) +
                           nuisance.slope_direction.y * (pixel * (row + 0.5) - 1);
      for (std::size_t c = 0; c < kChannels; ++c) {
        const double value = nuisance.background[c] + nuisance.slope[c] * along +
                             nuisance.contrast[c] * painted + options.noise * draw_noise(stream);
        *pixels++ = static_cast<std::uint8_t>(std::clamp(value * 255.0 + 0.5, 0.0, 255.0));
      }
    }
  }
}

void check(const char* key, double value, double least, double most) {
  if (value >= least && value <= most) return;
  throw ConfigError(
      concat("data.shapes.", key, " = ", value, "; ", least, " to ", most, " are allowed"));
}

}  // namespace

ImageSet make_shapes(const ShapesOptions& options) {
  check("size", options.size, 8, 128);
  check("classes", options.classes, 2, kNumShapes * kNumTextures);
  check("train_images", options.train_images, options.classes, kMostImages);
  check("valid_images", options.valid_images, 1, kMostImages);
  check("test_images", options.test_images, 0, kMostImages);
  check("noise", options.noise, 0, 1);

  ImageSet set;
  set.name = "shapes";
  set.shape = {.channels = kChannels, .height = options.size, .width = options.size};
  set.order = PixelOrder::channels_last;
  set.num_classes = options.classes;
  const auto image_bytes = static_cast<std::size_t>(set.shape.num_values());
  const auto total =
      static_cast<std::size_t>(options.train_images + options.valid_images + options.test_images);
  const auto bytes = std::make_shared<std::vector<std::uint8_t>>(total * image_bytes);
  std::uint8_t* pixels = bytes->data();
  const auto fill = [&](ImageSplit& split, int count, std::uint64_t index) {
    for (int image = 0; image < count; ++image, pixels += image_bytes) {
      const int label = image % options.classes;
      draw_image(options, label,
                 RandomStream(options.seed, {.purpose = Purpose::shapes,
                                             .index = index,
                                             .step = static_cast<std::uint64_t>(image)}),
                 pixels);
      split.labels.push_back(label);
      split.pixels.push_back(pixels);
    }
  };
  fill(set.train, options.train_images, 1);
  fill(set.valid, options.valid_images, 2);
  fill(set.test, options.test_images, 3);
  set.storage = bytes;
  digest_images(set);
  return set;
}

}  // namespace enas::data
