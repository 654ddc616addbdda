// Notifications, which arrive without a reload.

import type { Page } from '@playwright/test';
import { addProject, authenticate, axe, call, expect, expectFitsWidth, open, setHidden, test, waitForPage } from './fixtures';
import type { Server, User } from './server';

const bell = (page: Page, count: number) =>
  page.getByRole('button', { name: count === 0 ? 'Notifications' : `Notifications, ${count} unread`, exact: true });

/** Inserts a notification into the database, as another instance would. */
function notify(server: Server, user: User, project: string, event: string, actor: string, message = ''): void {
  server.sql(`
    begin immediate;
    insert into notifications (seq, user_id, event, project_id, project, template, actor_name, comment, created_at)
    select (select coalesce(max(seq), 0) + 1 from notifications), id, '${event}', '${project}', 'Genomics', 'Read access', '${actor}', '${message}', ${Date.now()}
    from users where email = '${user.email}';
    insert into verdict_changes (seq, created_at, change)
    select coalesce(max(seq), 0) + 1, ${Date.now()}, 'notification ' || (select max(seq) from notifications) from verdict_changes;
    commit`);
}

test('a notification appears live, only for its recipient', async ({ page, context, otherPage, server, owner }) => {
  const mia = server.addUser('member', owner.organization, 'Mia Chen');
  await authenticate(otherPage.context(), server, mia);
  const project = await addProject(context, server);
  await open(page, '/profile');
  await open(otherPage, '/profile');
  await expect(bell(page, 0)).toBeVisible();
  await bell(page, 0).click();
  await expect(page.getByRole('dialog', { name: 'Notifications' })).toContainText('No notifications yet');
  await axe(page, 'no notifications');
  // Pressing the button leaves the focus in the list. Where buttons get no focus, the list would otherwise close, and the click would reopen it.
  await bell(page, 0).hover();
  await page.mouse.down();
  await expect(page.getByRole('dialog', { name: 'Notifications' })).toBeFocused();
  await page.mouse.up();
  await expect(page.getByRole('dialog', { name: 'Notifications' })).toHaveCount(0);
  await expect(bell(page, 0)).toBeFocused();

  notify(server, owner, project, 'requested', 'Mia Chen', 'For the nightly run.');
  await expect(bell(page, 1)).toBeVisible();
  await expect(page.locator('.toast')).toContainText('Mia Chen requested “Read access” in Genomics.');
  notify(server, owner, project, 'requested', 'Bo');
  await expect(bell(page, 2)).toBeVisible();
  await expect(bell(otherPage, 0)).toBeVisible();

  // With the keyboard only.
  await bell(page, 2).press('Enter');
  const list = page.getByRole('dialog', { name: 'Notifications' });
  await expect(list).toBeFocused();
  await expect(list.getByRole('link').first()).toContainText('Bo requested');
  await expect(list.getByRole('link').nth(1)).toContainText('“For the nightly run.”');
  await axe(page, 'notifications');
  await expectFitsWidth(page);
  await expect(bell(page, 0)).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(list).toHaveCount(0);
  await expect(bell(page, 0)).toBeFocused();

  // Read notifications stay read.
  await open(page, '/profile');
  await expect(bell(page, 0)).toBeVisible();
  await bell(page, 0).press('Enter');
  await expect(list.getByRole('listitem')).toHaveCount(2);
  await expect(list.getByText('New:')).toHaveCount(0);

  notify(server, mia, project, 'approved', owner.name);
  await expect(bell(otherPage, 1)).toBeVisible();
  await bell(otherPage, 1).click();
  await otherPage.getByRole('link', { name: /Your key “Read access” for Genomics is ready/ }).click();
  await waitForPage(otherPage, `/projects/${project}`);
  await expect(bell(otherPage, 0)).toBeVisible();
});

test('a hidden page catches up when it becomes visible', async ({ page, otherPage, context, server, owner }) => {
  const project = await addProject(context, server, 'Genomics', 'members');
  let streams = 0;
  page.on('request', (request) => {
    streams += request.url().endsWith('/events') ? 1 : 0;
  });
  await open(page, '/profile');
  await expect.poll(() => streams).toBe(1);
  await authenticate(otherPage.context(), server, owner);
  await open(otherPage, '/profile');
  await setHidden(page, true);
  // The second notification reaches a visible page after the first one would have reached the hidden page.
  notify(server, owner, project, 'requested', 'Mia Chen');
  await expect(bell(otherPage, 1)).toBeVisible();
  notify(server, owner, project, 'requested', 'Bo');
  await expect(bell(otherPage, 2)).toBeVisible();
  await expect(bell(page, 0)).toBeVisible();
  expect(streams).toBe(1);
  await setHidden(page, false);
  await expect(bell(page, 2)).toBeVisible();
  expect(streams).toBe(2);
});

test('notifications load without the event stream', async ({ page, context, server, owner }) => {
  const project = await addProject(context, server, 'Genomics', 'members');
  await page.route('**/events', () => {});
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/fn/notifications/list', async (route) => {
    await released;
    await route.continue();
  });
  await open(page, '/profile');
  await bell(page, 0).click();
  const list = page.getByRole('dialog', { name: 'Notifications' });
  await expect(list).toContainText('Loading…');
  await expect(list).not.toContainText('No notifications yet');
  release();
  await expect(list).toContainText('No notifications yet');
  await page.keyboard.press('Escape');
  notify(server, owner, project, 'requested', 'Mia Chen');
  await bell(page, 0).click();
  await expect(list).toContainText('New: Mia Chen requested');
  await page.keyboard.press('Escape');
  notify(server, owner, project, 'requested', 'Bo');
  await open(page, '/profile');
  await expect(bell(page, 1)).toBeVisible();
});

test('many notifications: those in view are read, the others by a button', async ({ page, context, server, owner }) => {
  const project = await addProject(context, server, 'Genomics', 'members');
  for (let count = 0; count < 60; count += 1) {
    notify(server, owner, project, 'approved', 'Mia Chen');
  }
  await open(page, '/profile');
  await page.getByRole('button', { name: 'Notifications, 50+ unread' }).click();
  const list = page.getByRole('dialog', { name: 'Notifications' });
  const unread = page.getByRole('button', { name: /^Notifications, \d+\+ unread$/ });
  await expect(unread).not.toHaveAccessibleName('Notifications, 50+ unread');
  await expect(unread, 'those below are not read').toBeVisible();
  await axe(page, 'many notifications');
  await expectFitsWidth(page);
  const stored = page.waitForResponse((response) => response.url().endsWith('/notifications/mark-read') && response.request().postDataJSON().from === 0);
  await list.getByRole('button', { name: 'Mark all as read' }).click();
  await expect(bell(page, 0)).toBeVisible();
  await stored;
  await expect(list, 'the list stays open').toBeFocused();
  await expect(list.getByRole('button', { name: 'Mark all as read' })).toHaveCount(0);

  const close = list.getByRole('button', { name: 'Close' });
  await expect(close).toBeVisible({ visible: page.viewportSize()!.width <= 640 });
  await list.getByRole('link', { name: 'Show all' }).click();
  await waitForPage(page, '/notifications');
  const all = page.getByRole('list', { name: 'Notifications' }).getByRole('listitem');
  await expect(all).toHaveCount(50);
  await expect(all.filter({ hasText: 'New:' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Show more' }).click();
  await expect(all).toHaveCount(60);
  await expect(page.getByRole('button', { name: 'Show more' })).toHaveCount(0);
  notify(server, owner, project, 'approved', 'Bo');
  await expect(all).toHaveCount(61);
  await page.getByRole('main').getByRole('button', { name: 'Mark all as read' }).click();
  await expect(all.filter({ hasText: 'New:' })).toHaveCount(0);
  await expect(bell(page, 0)).toBeVisible();
  await axe(page, 'all notifications');
  await expectFitsWidth(page);
});

test('open requests are grouped, decided ones say how they ended', async ({ page, context, server, owner }) => {
  const project = await addProject(context, server, 'Genomics', 'members');
  const template: string = (await call(context, server, 'templates/create', { project })).id;
  for (const name of ['Mia Chen', 'Bo', 'Zoë']) {
    notify(server, owner, project, 'requested', name);
  }
  notify(server, owner, project, 'requested', 'Vera Rubin');
  server.sql(`
    insert into access_requests (id, project_id, template_id, user_id, requested_at, state, decided_at, decided_by)
    select 'ask_0193456789ab7cdef0123456789abcde', '${project}', '${template}', id, 1, 'approved', 2, id from users where email = '${owner.email}';
    update notifications set request_id = 'ask_0193456789ab7cdef0123456789abcde' where actor_name = 'Vera Rubin'`);
  await open(page, '/profile');
  await bell(page, 4).click();
  const items = page.getByRole('dialog', { name: 'Notifications' }).getByRole('listitem');
  await expect(items).toHaveCount(2);
  await expect(items.first()).toContainText(`Vera Rubin requested “Read access” in Genomics.Approved by ${owner.name}`);
  await expect(items.nth(1)).toContainText('3 open requests in Genomics.');
  await expect(items.nth(1)).toContainText('Latest: Zoë');
  await axe(page, 'grouped notifications');
  await items.nth(1).getByRole('link').click();
  await expect(page).toHaveURL(new RegExp(`/projects/${project}/keys`));
});
