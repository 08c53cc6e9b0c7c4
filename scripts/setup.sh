#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what enas_hpc needs to be built, run and tested; does nothing when everything is there.
#
#   scripts/setup.sh [--for demo|test]    demo: without the Python packages, shellcheck and Slurm of the tests
#
# Debian packages come by apt-get (as root or with sudo), LibTorch and Python packages go to .venv.
# A LibTorch that CMAKE_PREFIX_PATH leads to is used as it is. ENAS_TORCH holds another pip
# requirement or index options for LibTorch, for example
#   ENAS_TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

debian_packages=(
  g++ cmake ninja-build ccache pkg-config git python3 python3-venv
  openmpi-bin libopenmpi-dev libhdf5-dev hdf5-tools
  libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libspdlog-dev libfmt-dev
  libxxhash-dev librandom123-dev libhwy-dev libgtest-dev
)
# For the tests alone: Slurm runs on this machine, under the tests, with a configuration of their own.
test_packages=(
  shellcheck slurm-wlm munge valgrind
  clang-14 libclang-rt-14-dev clang-tidy-14 faketime locales  # sanitizers, fuzzing, clocks that lie, commas
)
commands=(c++ cmake ninja pkg-config python3 mpirun mpicxx)
headers=(hdf5.h CLI/CLI.hpp toml++/toml.h nlohmann/json.hpp spdlog/spdlog.h xxhash.h
  Random123/philox.h hwy/highway.h gtest/gtest.h)
python_packages=(numpy h5py pytest pandas matplotlib pillow xxhash ruff mypy)
# What sums over GPUs are compiled and linked with. The versions belong together; NCCL's must be the one
# of the CUDA build of LibTorch (scripts/build_cuda.sh).
nccl_packages=(nvidia-nccl-cu13==2.30.7 nvidia-cuda-runtime==13.0.96 nvidia-cuda-crt==13.0.88
  nvidia-cuda-cccl==13.0.85)
torch_requirement=${ENAS_TORCH:-torch==2.13.0}

die() {
  printf 'setup: %s\n' "$1" >&2
  exit "${2:-1}"
}

install_debian_packages() {
  local installed missing=() package as_root=()
  # One call for all; it fails when a package was never heard of, which is no error here.
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${debian_packages[@]}" \
    2>/dev/null || true)
  for package in "${debian_packages[@]}"; do
    [[ $'\n'$installed$'\n' == *$'\n'"$package installed"$'\n'* ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  if [[ $(id -u) != 0 ]]; then
    if ! sudo -n true 2>/dev/null; then
      die "Debian packages are missing, and there is no root and no sudo without a password. Run
  sudo apt-get install ${missing[*]}
and call this again."
    fi
    as_root=(sudo -n)
  fi
  echo "setup: installing Debian packages: ${missing[*]}"
  as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
  "${as_root[@]}" update </dev/null
  "${as_root[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null
}

# Directories of CMAKE_PREFIX_PATH, one a line.
prefixes() {
  local all=${CMAKE_PREFIX_PATH:-}
  printf '%s\n' "${all//[:;]/$'\n'}" | sed '/^$/d'
}

# Elsewhere than on Debian nothing can be installed: says what is missing, and stops if anything is.
check_other_system() {
  local missing=() name include=() prefix
  for name in "${commands[@]}"; do
    command -v "$name" >/dev/null || missing+=("command $name")
  done
  while read -r prefix; do include+=("-I$prefix/include"); done < <(prefixes)
  if command -v c++ >/dev/null; then
    while read -r name; do missing+=("header <$name>"); done < <(
      for name in "${headers[@]}"; do printf '#if !__has_include(<%s>)\n%s\n#endif\n' "$name" "$name"; done |
        c++ -E -P -x c++ "${include[@]}" - | sed '/^[[:space:]]*$/d'
    )
  else
    missing+=("${headers[@]/#/header }")
  fi
  ((${#missing[@]})) || return 0
  printf 'setup: this is not Debian, so nothing is installed. Missing:\n' >&2
  printf '  %s\n' "${missing[@]}" >&2
  die "install these (or name their places in CPATH, PATH and CMAKE_PREFIX_PATH) and call this again."
}

torch_is_elsewhere() {
  local prefix place
  while read -r prefix; do
    for place in share/cmake/Torch lib/cmake/Torch Torch .; do
      [[ -e $prefix/$place/TorchConfig.cmake ]] && return 0
    done
  done < <(prefixes)
  return 1
}

make_venv() {
  .venv/bin/python -c 'import pip' 2>/dev/null && return 0
  echo "setup: making .venv"
  python3 -m venv --clear .venv
}

# "name version" of those of the given packages that .venv has.
venv_versions() {
  .venv/bin/python - "$@" <<'PYTHON'
import sys
from importlib import metadata

for name in sys.argv[1:]:
    try:
        print(name, metadata.version(name))
    except metadata.PackageNotFoundError:
        pass
PYTHON
}

pip_install() {
  .venv/bin/python -m pip install --disable-pip-version-check --no-input "$@" </dev/null
}

install_torch() {
  local have wanted='' arguments
  have=$(venv_versions torch)
  # A requirement of one version is held against the installed one, without its "+cpu" or the like.
  if [[ $torch_requirement =~ torch==([0-9.]+) ]]; then wanted=${BASH_REMATCH[1]}; fi
  if [[ -n $have && (-z $wanted || ${have%%+*} == "torch $wanted") ]]; then return 0; fi
  cat <<TEXT
setup: installing LibTorch into .venv with: pip install $torch_requirement
setup: a plain package index may bring a build for CUDA of several gigabytes. To get the much smaller
setup: one for CPUs, stop this and set
setup:   ENAS_TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
TEXT
  read -r -a arguments <<<"$torch_requirement"
  pip_install "${arguments[@]}"
}

install_python_packages() {
  local have package missing=()
  have=$(venv_versions "${python_packages[@]}")
  for package in "${python_packages[@]}"; do
    [[ $'\n'$have == *$'\n'"$package "* ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  echo "setup: installing Python packages into .venv: ${missing[*]}"
  pip_install --quiet "${missing[@]}"
}

# For the processor of these wheels alone, and without them everything but NCCL is built.
install_nccl() {
  [[ $(uname -m) == x86_64 ]] || return 0
  local have package
  have=$(venv_versions "${nccl_packages[@]%%==*}")
  for package in "${nccl_packages[@]}"; do
    [[ $'\n'$have$'\n' == *$'\n'"${package/==/ }"$'\n'* ]] && continue
    echo "setup: installing NCCL and CUDA headers into .venv"
    pip_install --quiet --no-deps "${nccl_packages[@]}" ||
      echo "setup: they cannot be had from this package index: what talks to NCCL is neither built nor tested" >&2
    return 0
  done
}

purpose='test'
if [[ ${1:-} == --for ]]; then
  purpose=${2:-}
  shift $(($# < 2 ? $# : 2))
fi
[[ $# == 0 && $purpose =~ ^(demo|test)$ ]] || die 'usage: scripts/setup.sh [--for demo|test]' 64

if [[ $purpose == test ]]; then debian_packages+=("${test_packages[@]}"); fi
if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
  install_debian_packages
else
  check_other_system
fi
if ! torch_is_elsewhere; then
  make_venv
  install_torch
fi
if [[ $purpose == test ]]; then
  make_venv
  install_python_packages
  install_nccl
fi
