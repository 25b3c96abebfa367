"""Moved to tests.harness; here until nobody imports it from here."""

from tests.harness.postgres import PostgresDatabase as PostgresDatabase
