// SPDX-License-Identifier: Apache-2.0
// Holds no test: a run in which nothing was checked must not pass.
