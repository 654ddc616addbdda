// The people of an organization: who comes in, what they may do, what is noted of it.

import type { Page } from '@playwright/test';
import { admit, admitInstead, arrived, axe, copyAndClose, createKey, expect, fitsWidth, live, open, test } from './fixtures';

/** The row of a short list. */
const line = (page: Page, name: string) => page.getByRole('row', { name, exact: true });

/** Picks from the row's menu. */
async function act(page: Page, name: string, what: string): Promise<void> {
  await line(page, name).getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: what }).click();
}

/** Invites somebody as a person would. Answers the link. */
async function invite(page: Page, email: string, role: string): Promise<string> {
  await page.getByRole('button', { name: 'Invite' }).click();
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Role', { exact: true }).selectOption({ label: role });
  await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click();
  return (await page.getByRole('textbox', { name: 'Invitation link' }).textContent()) ?? '';
}

test.describe('an invitation', () => {
  test.use({ refusals: [401, 403, 404, 409] });

  test('makes a member, with the menus of their role, until they are disabled', async ({ page, stranger, server, owner }) => {
    await open(page, '/settings/members');
    await axe(page, 'the members');
    await fitsWidth(page);
    await page.getByRole('button', { name: 'Invite' }).click();
    await axe(page, 'the dialog that invites');
    await page.getByRole('button', { name: 'Cancel' }).click();
    const link = await invite(page, 'grace@example.com', 'member');
    expect(link).toMatch(/^http.*\/join#[\w-]{43}$/);
    await axe(page, 'the link');
    await fitsWidth(page);
    await page.keyboard.press('Escape');
    await expect(page.getByText('You haven’t copied this link.')).toBeVisible();
    await page.getByRole('button', { name: 'Keep open' }).click();
    await copyAndClose(page);
    await expect(line(page, 'grace@example.com')).toContainText(/in 6 days|in 7 days/);
    await axe(page, 'an open invitation');
    await fitsWidth(page);
    expect(server.log).not.toContain(link.split('#')[1]);

    await open(stranger, link);
    await expect(stranger.getByText(`${owner.name} invites you to join ${owner.organization}.`)).toBeVisible();
    expect(stranger.url()).not.toContain('#');
    await axe(stranger, 'the page that joins');
    await fitsWidth(stranger);
    await stranger.getByRole('button', { name: 'Join' }).click();
    await expect(stranger.getByLabel('Name', { exact: true })).toHaveAttribute('aria-invalid', 'true');
    await stranger.getByLabel('Name', { exact: true }).fill('Grace Hopper');
    await stranger.getByLabel('Password', { exact: true }).fill('correct horse battery staple');
    await stranger.getByRole('button', { name: 'Join' }).click();
    await arrived(stranger, '/keys/internal');
    const main = stranger.getByRole('navigation', { name: 'Main' });
    await expect(main.getByRole('link', { name: 'API Keys' })).toBeVisible();
    await expect(main.getByRole('link', { name: 'Settings' })).toHaveCount(0);
    await expect(main.getByRole('link', { name: 'Billing' })).toHaveCount(0);
    const answer = await stranger.goto('/settings/members');
    expect(answer?.status()).toBe(403);
    await expect(stranger.getByText('Manage Members')).toBeVisible();
    await open(stranger, '/keys/agent');
    await createKey(stranger, 'graces');
    await copyAndClose(stranger);

    await page.reload();
    await live(page);
    await expect(page.getByRole('table', { name: 'Open invitations' })).toHaveCount(0);
    await expect(line(page, 'Grace Hopper')).toContainText('Active');
    await act(page, 'Grace Hopper', 'Disable');
    const dialog = page.getByRole('alertdialog');
    await expect(dialog.getByLabel('Disable their keys')).toBeChecked();
    await dialog.getByLabel('Transfer their keys').check();
    await expect(dialog.getByLabel('New owner')).toContainText(owner.name);
    await expect(dialog).toContainText('Internal and project keys can’t be transferred');
    await axe(page, 'the question before somebody is disabled');
    await fitsWidth(page);
    await dialog.getByRole('button', { name: 'Disable' }).click();
    await expect(line(page, 'Grace Hopper')).toContainText('Disabled');
    await expect(line(page, owner.name).getByRole('cell').nth(5), 'the owner has the key now').toHaveText('1');

    await stranger.getByRole('searchbox').fill('g');
    await expect(stranger.getByRole('button', { name: 'Sign in' })).toBeVisible();

    await act(page, 'Grace Hopper', 'Enable');
    await expect(line(page, 'Grace Hopper')).toContainText('Active');
  });

  test('that was used, withdrawn or never made says one clear sentence', async ({ page, stranger, owner: _ }) => {
    await open(page, '/settings/members');
    const first = await invite(page, 'grace@example.com', 'viewer');
    await copyAndClose(page);
    await act(page, 'grace@example.com', 'New link');
    const second = (await page.getByRole('textbox', { name: 'Invitation link' }).textContent()) ?? '';
    expect(second).not.toBe(first);
    await copyAndClose(page);
    await act(page, 'grace@example.com', 'Withdraw');
    await expect(page.getByRole('table', { name: 'Open invitations' })).toHaveCount(0);
    for (const link of [first, second, '/join#nonsense', '/join']) {
      // The address alone differs in its fragment, which loads nothing anew.
      await open(stranger, '/sign-in');
      await open(stranger, link);
      await expect(stranger.getByRole('alert')).toContainText('This invitation is no longer valid');
    }
    await axe(stranger, 'an invitation that is no longer valid');
    await fitsWidth(stranger);
  });

  test('for an address that has one already is refused at the field', { tag: '@once' }, async ({ page, owner }) => {
    await open(page, '/settings/members');
    await invite(page, 'grace@example.com', 'viewer');
    await copyAndClose(page);
    for (const [email, says] of [
      ['GRACE@example.com', 'Withdraw it or create a new link for it.'],
      [owner.email, 'A member with this address already exists.'],
      ['grace', 'Enter an email address like name@example.com.'],
    ]) {
      await page.getByRole('button', { name: 'Invite' }).click();
      await page.getByLabel('Email').fill(email);
      await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click();
      await expect(page.getByRole('dialog')).toContainText(says);
      await page.keyboard.press('Escape');
    }
  });
});

test.describe('a role', () => {
  test.use({ refusals: [403, 409] });

  test('is made like another, changed, given and deleted', async ({ page, server, owner }) => {
    const viewer = server.addPerson('viewer', owner.organization, 'Grace Hopper');
    await open(page, '/settings/roles');
    await axe(page, 'the roles');
    await fitsWidth(page);
    await act(page, 'viewer', 'Duplicate');
    await expect(page.getByRole('checkbox', { name: 'View Keys' })).toBeChecked();
    await axe(page, 'the dialog that makes a role');
    await fitsWidth(page);
    await page.getByLabel('Name').fill('Auditor');
    await page.getByRole('checkbox', { name: 'View Keys' }).uncheck();
    await page.getByRole('checkbox', { name: 'View Audit Log' }).check();
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(line(page, 'Auditor')).toContainText('View Project, View Audit Log');
    await act(page, 'Auditor', 'Edit');
    await page.getByRole('checkbox', { name: 'View Project' }).uncheck();
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(line(page, 'Auditor')).not.toContainText('View Project');
    await expect(line(page, 'Auditor').getByRole('button', { name: 'Actions' }), 'the keyboard stays where it was').toBeFocused();

    await open(page, '/settings/members');
    await act(page, 'Grace Hopper', 'Change role');
    await page.getByLabel('Role', { exact: true }).selectOption({ label: 'Auditor' });
    await axe(page, 'the dialog that changes a role');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(line(page, 'Grace Hopper')).toContainText('Auditor');

    await open(page, '/settings/roles');
    await expect(line(page, 'Auditor').getByRole('cell').nth(2)).toHaveText('1');
    await act(page, 'Auditor', 'Delete');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByRole('alertdialog').getByRole('alert')).toContainText('A member has this role. Assign another role first.');
    await axe(page, 'a role that is in use');
    await page.getByRole('button', { name: 'Cancel' }).click();

    await admitInstead(page, server, viewer);
    for (const [path, status] of [['/settings/audit', 200], ['/settings/roles', 403], ['/keys/agent', 403]] as const) {
      expect((await page.goto(path))?.status(), path).toBe(status);
    }
    await open(page, '/settings/audit');
    await expect(page.getByRole('tab')).toHaveText(['Audit log']);

    await admitInstead(page, server, owner);
    await open(page, '/settings/members');
    await act(page, 'Grace Hopper', 'Change role');
    await page.getByLabel('Role', { exact: true }).selectOption({ label: 'viewer' });
    await page.getByRole('button', { name: 'Save' }).click();
    await open(page, '/settings/roles');
    await act(page, 'Auditor', 'Delete');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await expect(line(page, 'Auditor')).toHaveCount(0);
  });
});

test.describe('the audit log', () => {
  test('shows what was done, is searched as one types, and keeps that in its address', async ({ page, server, platformKey }) => {
    await server.addKey(platformKey, 'nightly-build');
    await open(page, '/settings/audit');
    const rows = page.getByRole('row').filter({ has: page.getByRole('cell') });
    await expect(rows.first()).toContainText('Key created');
    await expect(rows.first()).toContainText('nightly-build');
    await expect(rows.first().getByTitle('key.created')).toBeVisible();
    await axe(page, 'the audit log');
    await fitsWidth(page);
    await page.getByRole('searchbox').fill('NIGHTLY');
    await expect(rows).toHaveCount(1);
    await page.getByLabel('Period').selectOption({ label: 'Last 7 days' });
    await expect(page).toHaveURL(/\/settings\/audit\?q=NIGHTLY&period=7d$/);
    await expect(rows).toHaveCount(1);
    await page.reload();
    await live(page);
    await expect(page.getByRole('searchbox')).toHaveValue('NIGHTLY');
    await expect(page.getByLabel('Period')).toHaveValue('7d');
    await expect(rows).toHaveCount(1);
    await page.getByRole('searchbox').fill('nothing like it');
    await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
    await axe(page, 'a search of the log without a match');
    await page.getByRole('button', { name: 'Show everything' }).click();
    await expect(page).toHaveURL(/\/settings\/audit$/);
    await expect(rows.first()).toContainText('nightly-build');
  });

  test('goes on where it stopped', { tag: '@once' }, async ({ page, server, platformKey }) => {
    for (let n = 0; n < 60; n++) {
      await server.addKey(platformKey, `key ${n}`);
    }
    await open(page, '/settings/audit?q=key created');
    const rows = page.getByRole('row').filter({ has: page.getByRole('cell') });
    await expect(rows).toHaveCount(50);
    await page.getByRole('button', { name: 'Load more' }).click();
    await expect(rows.last()).toContainText('tests');
    await expect(page.getByRole('button', { name: 'Load more' })).toHaveCount(0);
  });
});

test.describe('the profile', () => {
  test.use({ refusals: [401, 422] });

  test('changes name and password, and ends other sessions', async ({ page, stranger, server, owner }) => {
    await admit(stranger.context(), server, owner);
    await open(stranger, '/profile');
    await open(page, '/profile');
    await expect(page.getByRole('link', { name: 'External', exact: true })).toHaveAttribute('href', '/keys/external');
    await expect(page.getByRole('main').getByRole('link', { name: 'Billing', exact: true })).toHaveAttribute('href', '/billing');
    const sessions = page.getByRole('list', { name: 'Sessions' }).getByRole('listitem');
    await expect(sessions).toHaveCount(2);
    await expect(sessions.filter({ hasText: 'This device' })).toHaveCount(1);
    await axe(page, 'the profile');
    await fitsWidth(page);

    await page.getByRole('button', { name: 'Change name' }).click();
    await axe(page, 'the dialog that changes a name');
    await page.getByLabel('Name', { exact: true }).fill('Ada King');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByRole('button', { name: 'Ada King' })).toBeVisible();
    await live(page);

    await sessions.filter({ hasNotText: 'This device' }).getByRole('button', { name: 'Sign out' }).click();
    await expect(sessions).toHaveCount(1);
    await stranger.reload();
    await expect(stranger.getByRole('button', { name: 'Sign in' })).toBeVisible();

    await admit(stranger.context(), server, owner);
    await page.getByRole('button', { name: 'Change password' }).click();
    await axe(page, 'the dialog that changes a password');
    await page.getByLabel('Current password').fill('wrong horse');
    await page.getByLabel('New password').fill('another horse battery');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByRole('dialog')).toContainText('The current password is incorrect.');
    await page.getByLabel('Current password').fill(owner.password);
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByText('Password changed')).toBeVisible();
    await page.reload();
    await live(page);
    await expect(sessions, 'this one goes on, alone').toHaveCount(1);
    await stranger.goto('/profile');
    await expect(stranger.getByRole('button', { name: 'Sign in' })).toBeVisible();

    await open(page, '/settings/audit');
    await expect(page.getByRole('row').nth(1)).toContainText('Password changed');
  });

  test('of a viewer leads nowhere they may not go', { tag: '@once' }, async ({ page, server, owner }) => {
    const viewer = server.addPerson('viewer', owner.organization);
    await admitInstead(page, server, viewer);
    await open(page, '/profile');
    await expect(page.getByRole('link', { name: 'External', exact: true })).toHaveCount(0);
    await expect(page.getByRole('link', { name: 'Billing', exact: true })).toHaveCount(0);
  });
});
