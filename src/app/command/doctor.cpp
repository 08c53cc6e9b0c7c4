// SPDX-License-Identifier: Apache-2.0
#include "app/command/doctor.hpp"

#include <unistd.h>

#include <cstdlib>
#include <set>

#include "app/machine/machine_speed.hpp"
#include "app/machine/placement.hpp"
#include "app/root_task.hpp"
#include "comm/device.hpp"
#include "core/json_text.hpp"
#include "core/text.hpp"
#include "core/version.hpp"
#include "io/durable_file.hpp"
#include "io/hdf5_image.hpp"
#include "io/sealed_file.hpp"
#include "nn/kernel/machine.hpp"
#include "run/identity.hpp"
#include "run/together.hpp"
#include "search/search.hpp"
#include "train/compute_device.hpp"

namespace enas::app {
namespace {

/// Writes an HDF5 file as a checkpoint is written, reads it back and removes it.
void check_hdf5_write(const std::filesystem::path& folder) {
  io::probe_writable(folder);
  const std::vector<double> values = {1.0, 2.0, 3.0};
  io::ImageWriter writer(4096);
  writer.dataset("/values", values);
  const auto file = folder / concat("doctor-", getpid(), ".h5");
  io::write_sealed(file, writer.finish());
  const io::ImageReader reader(io::read_sealed(file), file.string());
  const bool same = reader.read<double>("/values") == values;
  std::error_code error;
  std::filesystem::remove(file, error);
  if (error) throw SystemError(concat("cannot remove ", file.string(), ": ", error.message()));
  if (!same) throw SystemError(concat(file.string(), " was read back with other values"));
}

Json version_json() {
  Json json;
  json["version"] = kVersion;
  json["revision"] = kGitRevision;
  json["compiler"] = kCompiler;
  json["build_type"] = kBuildType;
  json["mpi"] = comm::mpi_library_version();
  json["libraries"] = run::library_versions();
  json["libraries"].push_back(comm::nccl_description());
  json["instruction_set"] = nn::instruction_set();
  return json;
}

std::string version_text(const Json& json) {
  std::string text =
      concat("enas_hpc ", json["version"].get<std::string>(), " (revision ",
             json["revision"].get<std::string>(), ", ", json["compiler"].get<std::string>(), ", ",
             json["build_type"].get<std::string>(), ")\n");
  text += concat("MPI: ", json["mpi"].get<std::string>(), "\n");
  for (const auto& library : json["libraries"]) text += library.get<std::string>() + "\n";
  return text + concat("instruction set: ", json["instruction_set"].get<std::string>(), "\n");
}

Json ranks_json(const std::vector<RankPlacement>& ranks) {
  Json json = Json::array();
  for (const RankPlacement& rank : ranks) {
    json.push_back({{"rank", json.size()}, {"node", rank.node}, {"cores", cores_text(rank.cores)}});
  }
  return json;
}

std::string report_text(const Json& report) {
  std::string text = version_text(report["build"]);
  text += concat("ranks: ", report["ranks"].size(), " on ", report["nodes"].get<int>(),
                 " node(s) of ", report["cores_of_node"].get<int>(), " cores\n");
  for (const auto& rank : report["ranks"]) {
    text += concat("  rank ", rank["rank"].get<int>(), ": ", rank["node"].get<std::string>(),
                   ", cores ", rank["cores"].get<std::string>(), "\n");
  }
  text += concat("GPUs of rank 0: ", report["gpus"].get<std::string>(), "\n");
  text += concat("threads a rank: ", report["threads"].get<int>(), "\n");
  text += machine_text(report["machine"]);
  for (const auto& advice : report["advice"]) text += concat("  ", advice.get<std::string>(), "\n");
  const auto& disk = report["write_test"];
  text += concat("HDF5 write test in ", disk["folder"].get<std::string>(), ": ",
                 disk["result"].get<std::string>(), "\n");
  return text + concat("free space: ", human_bytes(disk["free_bytes"].get<double>()), "\n");
}

Json write_test_json(const std::filesystem::path& folder, std::optional<Error>& failure) {
  Json json = {{"folder", folder.string()}, {"result", "ok"}, {"free_bytes", 0.0}};
  try {
    check_hdf5_write(folder);
    json["free_bytes"] = io::free_bytes(folder);
  } catch (const std::exception&) {
    const auto [code, message] = run::failure_in_flight();
    failure.emplace(code, message);
    json["result"] = concat("FAILED: ", message);
  }
  return json;
}

}  // namespace

void run_doctor(comm::World& world, const std::filesystem::path& folder, bool json) {
  const auto ranks = gather_placement(world);
  const char* omp = std::getenv("OMP_NUM_THREADS");
  // Rank 0's text, so that all ranks refuse it alike.
  const int threads = threads_in_force(0, world.broadcast_text(omp == nullptr ? "" : omp));
  const MachineSpeed speed = measure_machine(world, threads);
  run::on_root(world, [&] {
    std::set<std::string> nodes;
    for (const auto& rank : ranks) nodes.insert(rank.node);
    const int cores = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
    const PlacementAdvice advice = placement_advice(ranks, threads, cores);
    std::optional<Error> failure;
    Json report;
    report["build"] = version_json();
    report["nodes"] = nodes.size();
    report["cores_of_node"] = cores;
    report["ranks"] = ranks_json(ranks);
    report["gpus"] = train::gpu_description();
    report["threads"] = threads;
    report["machine"] = machine_json(speed);
    report["advice"] = Json::array();
    if (!advice.hint.empty()) report["advice"].push_back(advice.hint);
    if (!advice.warning.empty()) report["advice"].push_back(advice.warning);
    const std::string slow = slow_products_advice(speed);
    if (!slow.empty()) report["advice"].push_back(slow);
    report["write_test"] = write_test_json(folder, failure);
    print_on_root(json ? json_text(report, 2) + "\n" : report_text(report));
    if (failure) throw *failure;
  });
}

void print_versions(comm::World& world, bool json) {
  run::on_root(world, [&] {
    const Json versions = version_json();
    print_on_root(json ? json_text(versions, 2) + "\n" : version_text(versions));
  });
}

}  // namespace enas::app
