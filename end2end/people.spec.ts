// Members, invitations, roles, the audit log and the profile.

import { readFileSync } from 'node:fs';
import type { Locator, Page } from '@playwright/test';
import { authenticate, axe, copyAndClose, createKey, expect, expectFitsWidth, open, row, switchUser, test, waitForHydration, waitForPage } from './fixtures';

/** Opens the menu of a row, or of the heading of a role, and chooses an action. */
async function chooseAction(page: Page, name: string, action: string, inside = row(page, name)): Promise<void> {
  await inside.getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: action }).click();
}

/** The column of a role. */
function roleHeading(page: Page, name: string): Locator {
  return page.getByRole('columnheader', { name, exact: true });
}

async function chooseRoleAction(page: Page, name: string, action: string): Promise<void> {
  await chooseAction(page, name, action, roleHeading(page, name));
}

/** Whether each role has a permission, in the order of the columns. */
function granted(page: Page, permission: string): Locator {
  return row(page, permission).getByRole('cell');
}

/** Invites a user through the page. Returns the link. */
async function invite(page: Page, email: string, role: string): Promise<string> {
  await page.getByRole('button', { name: 'Invite' }).click();
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Role', { exact: true }).selectOption({ label: role });
  await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click();
  return (await page.getByRole('textbox', { name: 'Invitation link' }).textContent()) ?? '';
}

test.describe('an invitation', () => {
  test.use({ expectedErrors: [401, 403, 404, 409] });

  test('adds a member, who can be disabled and enabled', async ({ page, otherPage, server, owner }) => {
    await open(page, '/settings/members');
    await axe(page, 'the members');
    await expectFitsWidth(page);
    await page.getByRole('button', { name: 'Invite' }).click();
    await axe(page, 'the invitation dialog');
    await page.getByRole('button', { name: 'Cancel' }).click();
    const link = await invite(page, 'grace@example.com', 'Member');
    expect(link).toMatch(/^http.*\/join#[\w-]{43}$/);
    await axe(page, 'the link');
    await expectFitsWidth(page);
    await page.keyboard.press('Escape');
    await expect(page.getByText('You haven’t copied this link.')).toBeVisible();
    await page.getByRole('button', { name: 'Keep open' }).click();
    await copyAndClose(page);
    await expect(row(page, 'grace@example.com')).toContainText(/InvitedExpires in [67] days/);
    await expect(row(page, 'grace@example.com')).toContainText(`Invited by ${owner.name}`);
    await expect(row(page, owner.name).getByRole('link', { name: 'Profile' })).toHaveAttribute('href', '/profile');
    await expect(row(page, owner.name).getByRole('button', { name: 'Actions' })).toHaveCount(0);
    await axe(page, 'an open invitation');
    await expectFitsWidth(page);
    expect(server.log).not.toContain(link.split('#')[1]);

    await open(otherPage, link);
    await expect(otherPage.getByText(`${owner.name} invites you to join ${owner.organization}.`)).toBeVisible();
    expect(otherPage.url()).not.toContain('#');
    await axe(otherPage, 'the join page');
    await expectFitsWidth(otherPage);
    await otherPage.getByRole('button', { name: 'Join' }).click();
    await expect(otherPage.getByLabel('Name', { exact: true })).toHaveAttribute('aria-invalid', 'true');
    await otherPage.getByLabel('Name', { exact: true }).fill('Grace Hopper');
    await otherPage.getByLabel('Password', { exact: true }).fill('correct horse battery staple');
    await otherPage.getByRole('button', { name: 'Join' }).click();
    await waitForPage(otherPage, '/overview');
    const main = otherPage.getByRole('navigation', { name: 'Main' });
    await expect(main.getByRole('link', { name: 'API Keys' })).toBeVisible();
    await expect(main.getByRole('link', { name: 'Settings' })).toHaveCount(0);
    await expect(main.getByRole('link', { name: 'Billing' })).toHaveCount(0);
    const response = await otherPage.goto('/settings/members');
    expect(response?.status()).toBe(403);
    await expect(otherPage.getByText('Manage Members')).toBeVisible();
    await open(otherPage, '/keys/agent');
    await createKey(otherPage, 'graces');
    await copyAndClose(otherPage);

    await page.reload();
    await waitForHydration(page);
    await expect(row(page, 'grace@example.com')).toHaveCount(0);
    await expect(row(page, 'Grace Hopper')).toContainText('Active');
    await chooseAction(page, 'Grace Hopper', 'Disable');
    const dialog = page.getByRole('alertdialog');
    await expect(dialog.getByLabel('Disable their keys')).toBeChecked();
    await dialog.getByLabel('Transfer their keys').check();
    await expect(dialog.getByLabel('New owner')).toContainText(owner.name);
    await expect(dialog).toContainText('Internal and project keys can’t be transferred');
    await axe(page, 'the confirmation before disabling a member');
    await expectFitsWidth(page);
    await dialog.getByRole('button', { name: 'Disable' }).click();
    await expect(row(page, 'Grace Hopper')).toContainText('Disabled');
    await expect(row(page, owner.name).getByRole('cell').nth(5), 'the number of keys of the owner').toHaveText('1');

    await otherPage.getByRole('searchbox').fill('g');
    await expect(otherPage.getByRole('button', { name: 'Sign in' })).toBeVisible();
    await expect(otherPage.getByText('Your session ended. Sign in again.')).toBeVisible();
    await waitForHydration(otherPage);
    await otherPage.reload();
    await waitForHydration(otherPage);
    await expect(otherPage.getByText('Your session ended.')).toHaveCount(0);

    await chooseAction(page, 'Grace Hopper', 'Enable');
    await expect(row(page, 'Grace Hopper')).toContainText('Active');
  });

  test('that is replaced, withdrawn or unknown is rejected', async ({ page, otherPage, owner: _ }) => {
    await open(page, '/settings/members');
    const first = await invite(page, 'grace@example.com', 'Viewer');
    await copyAndClose(page);
    await chooseAction(page, 'grace@example.com', 'New link');
    const second = (await page.getByRole('textbox', { name: 'Invitation link' }).textContent()) ?? '';
    expect(second).not.toBe(first);
    await copyAndClose(page);
    await chooseAction(page, 'grace@example.com', 'Withdraw');
    await expect(row(page, 'grace@example.com')).toHaveCount(0);
    for (const link of [first, second, '/join#nonsense']) {
      // Without this, two URLs that differ only in their fragment would not load the page again.
      await open(otherPage, '/sign-in');
      await open(otherPage, link);
      await expect(otherPage.getByRole('alert')).toContainText('This invitation is no longer valid');
    }
    await axe(otherPage, 'an invitation that is no longer valid');
    await expectFitsWidth(otherPage);
    await open(otherPage, '/join');
    await expect(otherPage.getByRole('alert')).toContainText('Open the link in your invitation again.');
    await otherPage.getByRole('link', { name: 'Sign in' }).click();
    await waitForPage(otherPage, '/sign-in');
  });

  test('survives a reload and can be replaced in the same tab', { tag: '@once' }, async ({ page, otherPage, server, owner }) => {
    const email = `replaced-${owner.email}`;
    const offer = otherPage.getByText(`${owner.name} invites you to join ${owner.organization}.`);
    await open(page, '/settings/members');
    const first = await invite(page, email, 'Viewer');
    await copyAndClose(page);
    await open(otherPage, first);
    await expect(offer).toBeVisible();
    await otherPage.reload();
    await expect(offer).toBeVisible();
    expect(otherPage.url()).not.toContain('#');

    await chooseAction(page, email, 'New link');
    const second = (await page.getByRole('textbox', { name: 'Invitation link' }).textContent()) ?? '';
    await copyAndClose(page);
    await otherPage.reload();
    await waitForHydration(otherPage);
    await expect(otherPage.getByRole('alert')).toContainText('This invitation is no longer valid');
    // Only the fragment differs, so the page is not loaded again.
    await otherPage.goto(second);
    await expect(offer).toBeVisible();
    await otherPage.getByLabel('Name', { exact: true }).fill('Grace Hopper');
    await otherPage.getByLabel('Password', { exact: true }).fill('correct horse battery staple');
    await otherPage.getByRole('button', { name: 'Join' }).click();
    await otherPage.waitForURL((url) => url.pathname !== '/join');
    await waitForHydration(otherPage);
    expect(await otherPage.evaluate(() => JSON.stringify(sessionStorage))).not.toContain(second.split('#')[1]);
    expect(server.log).not.toContain(second.split('#')[1]);
  });

  test('for an existing or invalid address is rejected', { tag: '@once' }, async ({ page, owner }) => {
    await open(page, '/settings/members');
    await invite(page, 'grace@example.com', 'Viewer');
    await copyAndClose(page);
    for (const [email, error] of [
      ['GRACE@example.com', 'Withdraw it or create a new link for it.'],
      [owner.email, 'A member with this address already exists.'],
      ['grace', 'Enter an email address like name@example.com.'],
    ]) {
      await page.getByRole('button', { name: 'Invite' }).click();
      await page.getByLabel('Email').fill(email);
      await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click();
      await expect(page.getByRole('dialog')).toContainText(error);
      await page.getByRole('button', { name: 'Cancel' }).click();
    }
  });
});

test.describe('a role', () => {
  test.use({ expectedErrors: [403, 409] });

  test('is duplicated, edited, assigned and deleted', async ({ page, server, owner }) => {
    const viewer = server.addUser('viewer', owner.organization, 'Grace Hopper');
    await open(page, '/settings/roles');
    await axe(page, 'the roles');
    await expectFitsWidth(page);
    await expect(granted(page, 'Manage Roles')).toHaveText(['Yes', 'Yes', 'No', 'No']);
    await chooseRoleAction(page, 'Viewer', 'Duplicate');
    await expect(page.getByRole('checkbox', { name: 'View Keys' })).toBeChecked();
    await axe(page, 'the dialog for a new role');
    await expectFitsWidth(page);
    await page.getByLabel('Name').fill('Auditor');
    await page.getByRole('checkbox', { name: 'View Keys' }).uncheck();
    await page.getByRole('checkbox', { name: 'View Audit Log' }).check();
    await page.getByRole('dialog').getByRole('button', { name: 'Create role' }).click();
    await expect(granted(page, 'View Audit Log').last()).toHaveText('Yes');
    await expect(granted(page, 'View Project').last()).toHaveText('Yes');
    await chooseRoleAction(page, 'Auditor', 'Edit');
    await page.getByRole('checkbox', { name: 'View Project' }).uncheck();
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(granted(page, 'View Project').last()).toHaveText('No');
    await expect(roleHeading(page, 'Auditor').getByRole('button', { name: 'Actions' }), 'the focus is kept').toBeFocused();

    await open(page, '/settings/members');
    await chooseAction(page, 'Grace Hopper', 'Change role');
    await page.getByLabel('Role', { exact: true }).selectOption({ label: 'Auditor' });
    await axe(page, 'the dialog for another role');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(row(page, 'Grace Hopper')).toContainText('Auditor');

    await open(page, '/settings/roles');
    await expect(roleHeading(page, 'Auditor')).toContainText('1 member');
    await chooseRoleAction(page, 'Auditor', 'Delete');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByRole('alertdialog').getByRole('alert')).toContainText('A member has this role. Assign another role first.');
    await axe(page, 'a role that is in use');
    await page.getByRole('button', { name: 'Cancel' }).click();

    await switchUser(page, server, viewer);
    for (const [path, status] of [['/settings/audit', 200], ['/settings/roles', 403], ['/keys/agent', 403]] as const) {
      expect((await page.goto(path))?.status(), path).toBe(status);
    }
    await open(page, '/settings/audit');
    await expect(page.getByRole('tab')).toHaveText(['Audit log']);

    await switchUser(page, server, owner);
    await open(page, '/settings/members');
    await chooseAction(page, 'Grace Hopper', 'Change role');
    await page.getByLabel('Role', { exact: true }).selectOption({ label: 'Viewer' });
    await page.getByRole('button', { name: 'Save' }).click();
    await open(page, '/settings/roles');
    await chooseRoleAction(page, 'Auditor', 'Delete');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await expect(roleHeading(page, 'Auditor')).toHaveCount(0);
  });
});

test.describe('a viewer', { tag: '@once' }, () => {
  test.use({ expectedErrors: [403] });

  test('sees why the settings do not open', async ({ page, server, owner }) => {
    await switchUser(page, server, server.addUser('viewer', owner.organization));
    let loads = 0;
    page.on('framenavigated', () => {
      loads += 1;
    });
    expect((await page.goto('/settings'))?.status()).toBe(403);
    await waitForHydration(page);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('You don’t have access');
    await page.waitForTimeout(1_000);
    expect(loads).toBeLessThanOrEqual(2);

    await open(page, '/billing');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('You don’t have access');
    await expect(page.getByText('You need the permission “View Billing”. Ask an owner of your organization.')).toBeVisible();
  });

  test('a page without access names members who can grant the permission', async ({ page, server, owner }) => {
    server.addUser('owner', owner.organization, 'Grace Hopper');
    server.addUser('member', owner.organization, 'Mia Chen');
    await switchUser(page, server, server.addUser('admin', owner.organization, 'Bo Berg'));
    await open(page, '/settings/organization');
    await expect(page.getByText('You need the permission “Manage Organization”. Ask Ada Lovelace or Grace Hopper.')).toBeVisible();
  });
});

test.describe('the audit log', () => {
  test('is searched while typing and keeps its URL state', async ({ page, server, internalKey }) => {
    await server.addKey(internalKey, 'nightly-build');
    await open(page, '/settings/audit');
    const rows = page.getByRole('row').filter({ has: page.getByRole('cell') });
    await expect(rows.first()).toContainText(/created agent key nightly-build/);
    await expect(rows.first().getByTitle('key.created')).toBeVisible();
    await expect(rows.first().getByRole('cell').first()).toHaveText(/^\d\d:\d\d:\d\d$/);
    await expect(page.getByRole('rowheader').first()).toHaveText(/^\w+day, \w+ \d+, \d{4}$/);
    await axe(page, 'the audit log');
    await expectFitsWidth(page);
    await page.getByRole('searchbox').fill('NIGHTLY');
    await expect(rows).toHaveCount(1);
    await page.getByLabel('Period').selectOption({ label: 'Last 7 days' });
    await expect(page).toHaveURL(/\/settings\/audit\?q=NIGHTLY&period=7d$/);
    await expect(rows).toHaveCount(1);
    await page.reload();
    await waitForHydration(page);
    await expect(page.getByRole('searchbox')).toHaveValue('NIGHTLY');
    await expect(page.getByLabel('Period')).toHaveValue('7d');
    await expect(rows).toHaveCount(1);
    await page.getByRole('searchbox').fill('nothing like it');
    await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
    await axe(page, 'no match in the audit log');
    await page.getByRole('button', { name: 'Show everything' }).click();
    await expect(page).toHaveURL(/\/settings\/audit$/);
    await expect(rows.first()).toContainText('nightly-build');
  });

  test('is filtered by actor, action and target, in its URL', async ({ page, server, owner, internalKey }) => {
    await server.addKey(internalKey, 'nightly-build');
    await open(page, '/settings/audit');
    const rows = page.getByRole('row').filter({ has: page.getByRole('cell') });
    await page.getByLabel('Actor').selectOption({ label: 'API keys' });
    await expect(rows).toHaveCount(1);
    await expect(rows.first()).toContainText('API key');
    await rows.first().getByRole('button', { name: 'Details' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Events of this actor' }).click();
    await expect(page.getByLabel('Actor'), 'one API key').toHaveValue(/^key_/);
    await page.getByLabel('Actor').selectOption({ label: owner.name });
    await expect(rows.first()).toContainText('signed in');
    await expect(page).toHaveURL(/\?actor=usr_\w+$/);
    await page.getByLabel('Actor').selectOption({ label: 'All actors' });
    await page.getByLabel('Target').selectOption({ label: 'API keys' });
    await page.getByLabel('Action', { exact: true }).selectOption({ label: 'Key created' });
    await expect(page).toHaveURL(/\?action=key.created&target=key$/);
    await expect(rows.first()).toContainText('nightly-build');
    await page.reload();
    await waitForHydration(page);
    await expect(page.getByLabel('Action', { exact: true })).toHaveValue('key.created');
    await expect(rows.first()).toContainText('nightly-build');
    await axe(page, 'the filtered audit log');
    await expectFitsWidth(page);
  });

  test('shows what an event changed', async ({ page, owner }) => {
    await open(page, '/settings/organization');
    const save = page.getByRole('button', { name: 'Save' });
    await expect(save, 'nothing differs').toBeDisabled();
    await page.getByLabel('Currency').selectOption('EUR');
    await expect(save).toBeEnabled();
    await page.getByLabel('Currency').selectOption('USD');
    await expect(save).toBeDisabled();
    await page.getByLabel('Currency').selectOption('EUR');
    await save.click();
    await expect(page.locator('.toast')).toContainText('Changes saved');

    await open(page, '/settings/audit');
    const changed = page.getByRole('row').filter({ hasText: `edited organization ${owner.organization}` });
    await changed.getByRole('button', { name: 'Details' }).click();
    const dialog = page.getByRole('dialog', { name: 'Organization edited' });
    await expect(dialog).toContainText('USD → EUR');
    await expect(dialog).toContainText('organization.edited');
    await expect(dialog).toContainText(/Chain number\d+/);
    await axe(page, 'the details of an event');
    await expectFitsWidth(page);
    await dialog.getByRole('button', { name: 'Events of this target' }).click();
    await expect(dialog).toHaveCount(0);
    await expect(page).toHaveURL(/\?q=org_\w+$/);
    await expect(changed).toHaveCount(1);
  });

  test('has pages with addresses', { tag: '@once' }, async ({ page, server, internalKey }) => {
    for (let n = 0; n < 60; n++) {
      await server.addKey(internalKey, `key ${n}`);
    }
    await open(page, '/settings/audit?q=key created');
    const rows = page.getByRole('row').filter({ has: page.getByRole('cell') });
    const first = await rows.first().textContent();
    await expect(rows).toHaveCount(50);
    await expect(page.getByRole('button', { name: 'Newer' })).toBeDisabled();
    await page.getByRole('button', { name: 'Older' }).click();
    await expect(rows.last()).toContainText('tests');
    await expect(page).toHaveURL(/before=\d+/);
    await expect(page.getByRole('button', { name: 'Older' })).toBeDisabled();
    await page.getByRole('button', { name: 'Newer' }).click();
    await expect(rows.first()).toHaveText(first ?? '');
    await page.goBack();
    await expect(rows.last()).toContainText('tests');
    await page.getByRole('button', { name: 'Newest' }).click();
    await expect(rows.first()).toHaveText(first ?? '');
    await expect(rows).toHaveCount(50);
  });

  test('is exported as CSV and JSON', { tag: '@once' }, async ({ page, server, internalKey }) => {
    for (let n = 0; n < 60; n++) {
      await server.addKey(internalKey, `key ${n}`);
    }
    await open(page, '/settings/audit?action=key.created');
    const exported = async (format: string) => {
      const download = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Export' }).click();
      await page.getByRole('menuitem', { name: format }).click();
      return readFileSync(await (await download).path(), 'utf8');
    };
    const csv = await exported('CSV');
    expect(csv.startsWith('\u{FEFF}seq,time,actor,'), 'Excel needs the byte order mark').toBe(true);
    // The header, all events and the end of the last line.
    expect(csv.split('\r\n')).toHaveLength(1 + 61 + 1);
    const events = JSON.parse(await exported('JSON'));
    expect(events).toHaveLength(61);
    expect(events[0]).toMatchObject({ action: 'key.created', target: 'key 59' });
  });
});

test.describe('the profile', () => {
  test.use({ expectedErrors: [401, 422] });

  test('changes name and password and ends other sessions', async ({ page, otherPage, server, owner }) => {
    await authenticate(otherPage.context(), server, owner);
    await open(otherPage, '/profile');
    await open(page, '/profile');
    await expect(page.getByRole('link', { name: 'External', exact: true })).toHaveAttribute('href', '/keys/external');
    await expect(page.getByRole('main').getByRole('link', { name: 'Billing', exact: true })).toHaveAttribute('href', '/billing');
    const sessions = page.getByRole('list', { name: 'Sessions' }).getByRole('listitem');
    await expect(sessions).toHaveCount(2);
    await expect(sessions.filter({ hasText: 'This device' })).toHaveCount(1);
    await axe(page, 'the profile');
    await expectFitsWidth(page);

    await page.getByRole('button', { name: 'Change name' }).click();
    await axe(page, 'the dialog for the name');
    await page.getByLabel('Name', { exact: true }).fill('Ada King');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByRole('button', { name: 'Ada King' })).toBeVisible();
    await waitForHydration(page);

    await sessions.filter({ hasNotText: 'This device' }).getByRole('button', { name: 'Sign out' }).click();
    await expect(sessions).toHaveCount(1);
    await otherPage.reload();
    await expect(otherPage.getByRole('button', { name: 'Sign in' })).toBeVisible();

    await authenticate(otherPage.context(), server, owner);
    await page.getByRole('button', { name: 'Change password' }).click();
    await axe(page, 'the dialog for the password');
    await page.getByLabel('Current password').fill('wrong horse');
    await page.getByLabel('New password').fill('another horse battery');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByRole('dialog')).toContainText('The current password is incorrect.');
    await page.getByLabel('Current password').fill(owner.password);
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByText('Password changed')).toBeVisible();
    await page.reload();
    await waitForHydration(page);
    await expect(sessions, 'only the current session remains').toHaveCount(1);
    await otherPage.goto('/profile');
    await expect(otherPage.getByRole('button', { name: 'Sign in' })).toBeVisible();

    await open(page, '/settings/audit');
    await expect(page.getByRole('row').filter({ has: page.getByRole('cell') }).first()).toContainText('changed their password');
  });

  test('of a viewer has no links to forbidden pages', { tag: '@once' }, async ({ page, server, owner }) => {
    const viewer = server.addUser('viewer', owner.organization);
    await switchUser(page, server, viewer);
    await open(page, '/profile');
    await expect(page.getByRole('link', { name: 'External', exact: true })).toHaveCount(0);
    await expect(page.getByRole('link', { name: 'Billing', exact: true })).toHaveCount(0);
  });
});
