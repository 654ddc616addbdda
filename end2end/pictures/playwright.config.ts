// Pictures of every page and dialog: `cargo xtask pictures`.

import { defineConfig } from '@playwright/test';
import { browser } from '../playwright.config';

export default defineConfig({
  testDir: '.',
  testMatch: '*.pictures.ts',
  outputDir: '../test-results',
  // A file is the unit: the organizations that its pictures show are built once per worker.
  workers: '100%',
  forbidOnly: true,
  // Filling the largest organization takes most of it.
  timeout: 300_000,
  expect: { timeout: 10_000 },
  reporter: 'list',
  use: { ...browser, viewport: { width: 1280, height: 800 }, actionTimeout: 10_000 },
});
