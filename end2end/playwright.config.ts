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

const nameOf = ({ colorScheme, viewport }: (typeof screens)[number]) => `${colorScheme} ${viewport.width}`;

// What does not depend on the screen is tested on the first only, what depends on its width alone in light only.
// `SHOTS=folder npx playwright test` takes pictures instead; see look.spec.ts.
const shots = Boolean(process.env.SHOTS);
const left = [[/@shots/], [/@shots/, /@once/], [/@shots/, /@once/, /@widths/], [/@shots/, /@once/, /@widths/]];

export default defineConfig({
  testDir: '.',
  outputDir: 'test-results',
  grep: shots ? /@shots/ : undefined,
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
    ...screens.map((use, place) => ({
      name: nameOf(use),
      grepInvert: shots ? undefined : left[place],
      testIgnore: 'speed.spec.ts',
      use,
    })),
    ...(shots ? [] : [{ name: 'speed', testMatch: 'speed.spec.ts', dependencies: screens.map(nameOf) }]),
  ],
});
