"""The browser of the report's tests."""

from report.conftest import browser as browser
