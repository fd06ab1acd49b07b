# syntax=docker/dockerfile:1
# ROS 2 Jazzy with this package built and sourced. docker build -t hoisdf . (CPU), or with
# --build-arg TORCH="torch==2.13.0" for CUDA, run with --gpus all.
ARG ROS_DISTRO=jazzy
FROM ros:${ROS_DISTRO}-ros-base

ARG TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
ENV HOISDF_TORCH=${TORCH} PIP_NO_CACHE_DIR=1
SHELL ["/bin/bash", "-c"]
WORKDIR /ws/src/hoisdf

# What changes rarely first: a change of the sources leaves these layers alone.
COPY package.xml .
RUN apt-get update && rosdep update --rosdistro ${ROS_DISTRO} \
    && rosdep install --from-paths . --ignore-src --rosdistro ${ROS_DISTRO} -y \
    && apt-get install -y --no-install-recommends g++ make cmake libegl1 libgl1 libgl1-mesa-dri python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*

COPY . .
RUN source /opt/ros/${ROS_DISTRO}/setup.bash && scripts/setup

RUN printf '#!/bin/bash\nsource /opt/ros/%s/setup.bash\nsource /ws/src/hoisdf/scripts/env.sh\nexec "$@"\n' ${ROS_DISTRO} >/entrypoint.sh \
    && chmod +x /entrypoint.sh
ENTRYPOINT ["/entrypoint.sh"]
CMD ["bash"]
