import { defineConfig } from '@playwright/test';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const screens = (['light', 'dark'] as const).flatMap((colorScheme) =>
  [
    { width: 1280, height: 800 },
    { width: 390, height: 844 },
  ].map((viewport) => ({ colorScheme, viewport })),
);

const projectName = ({ colorScheme, viewport }: (typeof screens)[number]) => `${colorScheme} ${viewport.width}`;

// Tests that do not depend on the screen (@once) run on the first one only, tests that depend only on its width (@widths) in light only.
// `SHOTS=folder npx playwright test` takes screenshots instead; see look.spec.ts.
const takeScreenshots = Boolean(process.env.SHOTS);
const excluded = [[/@shots/], [/@shots/, /@once/], [/@shots/, /@once/, /@widths/], [/@shots/, /@once/, /@widths/]];

export default defineConfig({
  testDir: '.',
  outputDir: 'test-results',
  grep: takeScreenshots ? /@shots/ : undefined,
  workers: 2,
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: 'list',
  use: {
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    screenshot: 'only-on-failure',
    trace: 'retain-on-failure',
    launchOptions: { executablePath: process.env.CHROMIUM, args: flags },
  },
  projects: [
    ...screens.map((use, index) => ({
      name: projectName(use),
      grepInvert: takeScreenshots ? undefined : excluded[index],
      testIgnore: 'speed.spec.ts',
      use,
    })),
    ...(takeScreenshots ? [] : [{ name: 'speed', testMatch: 'speed.spec.ts', dependencies: screens.map(projectName) }]),
  ],
});
