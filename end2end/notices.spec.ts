// What people are told while they look on.

import type { Page } from '@playwright/test';
import { admit, arrived, axe, expect, fitsWidth, open, test } from './fixtures';
import type { Person, Server } from './server';

const bell = (page: Page, count: number) =>
  page.getByRole('button', { name: count === 0 ? 'Notifications' : `Notifications, ${count} unread`, exact: true });

/** Tells somebody, as another process would. */
function tell(server: Server, person: Person, project: string, event: string, by: string, word = ''): void {
  server.sql(`
    insert into notices (seq, user_id, event, project_id, project, template, person, word, created_at)
    select (select coalesce(max(seq), 0) + 1 from notices), id, '${event}', '${project}', 'Genomics', 'Read access', '${by}', '${word}', ${Date.now()}
    from users where email = '${person.email}'`);
}

test('a notice appears without a reload, to its reader alone', async ({ page, context, stranger, server, owner }) => {
  const mia = server.addPerson('member', owner.organization, 'Mia Chen');
  await admit(stranger.context(), server, mia);
  const made = await context.request.post(`${server.url}/fn/projects/create`, {
    data: { wanted: { name: 'Genomics', description: '', visibility: 'organization' } },
    headers: { origin: server.url },
  });
  const project: string = (await made.json()).id;
  await open(page, '/profile');
  await open(stranger, '/profile');
  await expect(bell(page, 0)).toBeVisible();
  await bell(page, 0).click();
  await expect(page.getByRole('dialog', { name: 'Notifications' })).toContainText('No notifications yet');
  await axe(page, 'no notices');
  // The button takes no focus from the open list: where a browser gives buttons none, the list would close, and the click open it again.
  await bell(page, 0).hover();
  await page.mouse.down();
  await expect(page.getByRole('dialog', { name: 'Notifications' })).toBeFocused();
  await page.mouse.up();
  await expect(page.getByRole('dialog', { name: 'Notifications' })).toHaveCount(0);
  await expect(bell(page, 0)).toBeFocused();

  tell(server, owner, project, 'requested', 'Mia Chen', 'For the nightly run.');
  await expect(bell(page, 1)).toBeVisible();
  await expect(page.locator('.toast')).toContainText('Mia Chen requested “Read access” in Genomics.');
  tell(server, owner, project, 'requested', 'Bo');
  await expect(bell(page, 2)).toBeVisible();
  await expect(bell(stranger, 0)).toBeVisible();

  // By the keyboard alone.
  await bell(page, 2).press('Enter');
  const list = page.getByRole('dialog', { name: 'Notifications' });
  await expect(list).toBeFocused();
  await expect(list.getByRole('link').first()).toContainText('Bo requested');
  await expect(list.getByRole('link').nth(1)).toContainText('“For the nightly run.”');
  await axe(page, 'notices');
  await fitsWidth(page);
  await expect(bell(page, 0)).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(list).toHaveCount(0);
  await expect(bell(page, 0)).toBeFocused();

  // What was read stays read.
  await open(page, '/profile');
  await expect(bell(page, 0)).toBeVisible();
  await bell(page, 0).press('Enter');
  await expect(list.getByRole('link')).toHaveCount(2);
  await expect(list.getByText('New:')).toHaveCount(0);

  tell(server, mia, project, 'approved', owner.name);
  await expect(bell(stranger, 1)).toBeVisible();
  await bell(stranger, 1).click();
  await stranger.getByRole('link', { name: /Your key “Read access” for Genomics is ready/ }).click();
  await arrived(stranger, `/projects/${project}`);
  await expect(bell(stranger, 0)).toBeVisible();
});

test('a page that nobody looked at takes in what it missed', async ({ page, context, server, owner }) => {
  const made = await context.request.post(`${server.url}/fn/projects/create`, {
    data: { wanted: { name: 'Genomics', description: '', visibility: 'members' } },
    headers: { origin: server.url },
  });
  const project: string = (await made.json()).id;
  const hidden = (is: boolean) =>
    page.evaluate((is) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => is });
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    }, is);
  let streams = 0;
  page.on('request', (request) => {
    streams += request.url().endsWith('/events') ? 1 : 0;
  });
  await open(page, '/profile');
  await expect.poll(() => streams).toBe(1);
  await hidden(true);
  tell(server, owner, project, 'requested', 'Mia Chen');
  await page.waitForTimeout(1000);
  await expect(bell(page, 0)).toBeVisible();
  await hidden(false);
  await expect(bell(page, 1)).toBeVisible();
  expect(streams).toBe(2);
});

test('a page to which no stream comes reads what there is', async ({ page, context, server, owner }) => {
  const made = await context.request.post(`${server.url}/fn/projects/create`, {
    data: { wanted: { name: 'Genomics', description: '', visibility: 'members' } },
    headers: { origin: server.url },
  });
  const project: string = (await made.json()).id;
  await page.route('**/events', () => {});
  let letGo = () => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  await page.route('**/fn/notices/list', async (route) => {
    await held;
    await route.continue();
  });
  await open(page, '/profile');
  await bell(page, 0).click();
  const list = page.getByRole('dialog', { name: 'Notifications' });
  await expect(list).toContainText('Loading…');
  await expect(list).not.toContainText('No notifications yet');
  letGo();
  await expect(list).toContainText('No notifications yet');
  await page.keyboard.press('Escape');
  tell(server, owner, project, 'requested', 'Mia Chen');
  await bell(page, 0).click();
  await expect(list).toContainText('New: Mia Chen requested');
  await page.keyboard.press('Escape');
  tell(server, owner, project, 'requested', 'Bo');
  await open(page, '/profile');
  await expect(bell(page, 1)).toBeVisible();
});
