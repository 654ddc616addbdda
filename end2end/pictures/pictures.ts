// Takes each picture at every width, in light and in dark colors.

import type { Page } from '@playwright/test';
import { test as base, expect, open } from '../fixtures';
import { type Organization, Organizations, type State } from './organizations';

export { expect };

const FOLDER = process.env.PICTURES ?? '../target/pictures';

const SCREENS = [
  { width: 390, height: 844 },
  { width: 768, height: 1024 },
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
];

interface Options {
  /** Runs at each width before the picture is taken: opens a menu, for example, which closes when the window is resized. */
  prepare?: () => Promise<unknown>;
  /** Whether what is below the window is part of the picture. */
  full?: boolean;
  /** Whether the page is still loading on purpose. */
  loading?: boolean;
}

interface Fixtures {
  /** Signs in as the owner of an organization in this state. */
  enter: (state: State) => Promise<Organization>;
  /** Takes the pictures of a state of the page that the test is about. */
  take: (state: string, options?: Options) => Promise<void>;
}

interface WorkerFixtures {
  organizations: Organizations;
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  // Provoked on purpose.
  expectedErrors: [401, 403, 404, 409, 422, 503, 'net::ERR_FAILED'],

  organizations: [({ server }, use) => use(new Organizations(server)), { scope: 'worker' }],
  enter: ({ context, organizations }, use) =>
    use(async (state) => {
      const organization = await organizations.get(state);
      await context.clearCookies();
      await context.addCookies((await organization.session.storageState()).cookies);
      return organization;
    }),
  take: ({ page }, use, { tags: [tag] }) => use((state, options) => takePictures(page, `${FOLDER}/${tag.slice(1)}/${state}`, options)),
});

async function takePictures(page: Page, folder: string, { prepare, full, loading }: Options = {}): Promise<void> {
  const failures: unknown[] = [];
  for (const screen of SCREENS) {
    try {
      await page.setViewportSize(screen);
      await prepare?.();
      if (!loading) {
        await expect(page.getByRole('status', { name: 'Loading' })).toHaveCount(0);
      }
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: `${folder}/${screen.width}-${colorScheme}.png`, animations: 'disabled', fullPage: full });
      }
    } catch (error) {
      // The other widths may work.
      failures.push(error);
    }
  }
  if (failures.length > 0) {
    throw failures[0];
  }
}

/** Declares the pictures of a page. `cargo xtask pictures --only` takes its name. */
export function pictures(page: string, declare: () => void): void {
  test.describe(page, { tag: `@${page}` }, declare);
}

const STATES: State[] = ['empty', 'one', 'typical', 'full', 'long names'];

interface PageOptions {
  states?: State[];
  /** As for `take`, except in the state with the most rows. */
  full?: boolean;
  /** The requests by which the page loads its data. */
  data?: string;
}

/** Declares the pictures of a page in every state, while it is loading, and after that failed. */
export function pageStates(path: (organization: Organization) => string, { states = STATES, full, data = '**/fn/**' }: PageOptions = {}): void {
  for (const state of states) {
    test(state, async ({ page, enter, take }) => {
      const organization = await enter(state);
      await take(state, { prepare: () => open(page, path(organization)), full: full && state !== 'full' });
    });
  }

  test('loading', async ({ page, enter, take }) => {
    const organization = await enter('typical');
    await page.route(data, () => new Promise(() => {}));
    const placeholder = page.getByRole('status', { name: 'Loading' }).or(page.getByText(/^Loading/));
    const prepare = async () => {
      await openWithoutData(page, path(organization));
      await expect(placeholder.first()).toBeVisible();
    };
    await take('loading', { prepare, loading: true });
  });

  test('failed', async ({ page, enter, take }) => {
    const organization = await enter('typical');
    await page.route(data, (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }));
    const prepare = async () => {
      await openWithoutData(page, path(organization));
      await expect(page.getByRole('alert').first()).toBeVisible();
    };
    await take('failed', { prepare });
  });
}

/** Follows a link to a page, so that the browser and not the server loads its data. */
async function openWithoutData(page: Page, path: string): Promise<void> {
  await open(page, '/no/such/page');
  await page.evaluate((href) => {
    const link = document.body.appendChild(Object.assign(document.createElement('a'), { href }));
    link.click();
    link.remove();
  }, path);
}
