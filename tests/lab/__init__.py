# SPDX-License-Identifier: BSD-3-Clause
"""Two networks with a box between them, and real mail servers at both ends, on one machine."""
