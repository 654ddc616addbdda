import { defineConfig } from '@playwright/test';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Pages live for seconds, in which optimized code would not pay for its compilation.
  '--js-flags=--no-wasm-tier-up',
];

/** The browser of the tests and of the pictures. */
export const browser = {
  locale: 'en-GB',
  timezoneId: 'Europe/Berlin',
  // Animations only take time here.
  contextOptions: { reducedMotion: 'reduce' as const },
  launchOptions: { executablePath: process.env.CHROMIUM, args: flags },
};

const screens = (['light', 'dark'] as const).flatMap((colorScheme) =>
  [
    { width: 1280, height: 800 },
    { width: 390, height: 844 },
  ].map((viewport) => ({ colorScheme, viewport })),
);

const projectName = ({ colorScheme, viewport }: (typeof screens)[number]) => `${colorScheme} ${viewport.width}`;

/** Through a balancer, which needs PostgreSQL: `cargo xtask test` starts it. */
const instances = process.env.LATCHKEY_TEST_POSTGRES
  ? [{ name: 'two instances', testMatch: ['sessions.spec.ts', 'two-instances.spec.ts'], use: { ...screens[0], instances: 2 } }]
  : [];

// Tests that do not depend on the screen (@once) run on the first one only, and those that depend only on its width (@widths) in light only. For all
// others, a narrow screen is dark: each theme and each width is tested, and most pairs of them.
const selections = [{}, { grep: /@widths/ }, { grepInvert: /@once|@widths/ }, { grepInvert: /@once|@widths/ }];

export default defineConfig({
  testDir: '.',
  outputDir: 'test-results',
  workers: 2,
  // A test that fails twice fails the run. One that passes only when repeated is listed as flaky at the end.
  retries: 1,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: 'list',
  use: { ...browser, screenshot: 'only-on-failure', trace: 'on-first-retry' },
  projects: [
    ...screens.map((use, index) => ({
      name: projectName(use),
      ...selections[index],
      testIgnore: ['speed.spec.ts', 'two-instances.spec.ts'],
      use,
    })),
    ...instances,
    { name: 'speed', testMatch: 'speed.spec.ts', dependencies: [...screens.map(projectName), ...instances.map(({ name }) => name)] },
  ],
});
