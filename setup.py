"""Build hook of pip: everything is in pyproject.toml, except the version, which package.xml has for ROS as well."""

from pathlib import Path
from xml.etree import ElementTree

from setuptools import setup

setup(version=ElementTree.parse(Path(__file__).with_name("package.xml")).findtext("version"))
