"""Moved to tests.harness; here until nobody imports it from here."""

from tests.harness.in_process import run_here as run_here
from tests.harness.place import SALT as SALT
from tests.harness.place import Place
from tests.sandbox.process import ROOT as ROOT

Loader = Place
