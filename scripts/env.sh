# shellcheck shell=bash
# To be sourced (bash or zsh): puts this checkout's ROS 2 environment, as scripts/setup has built it, into the shell.
#
#   source scripts/env.sh
#   .venv/bin/python -m hoisdf_ros.perception.node
_hoisdf_env="$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")/.." && pwd)/.ros/env.sh"
if [ -f "$_hoisdf_env" ]; then
  # shellcheck source=/dev/null
  . "$_hoisdf_env"
  unset _hoisdf_env
else
  unset _hoisdf_env
  echo "There is no environment yet: run scripts/setup first." >&2
  return 1
fi
