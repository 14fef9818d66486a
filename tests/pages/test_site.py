"""The pages in a real browser, over a real service: what a person sees and does, from the form to the printed memo."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from tests_pages import SCREENSHOTS, ColourScheme, Site, Walk, watched
