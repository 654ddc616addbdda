// Settings → Instances, and what the page says about the effect of a revocation.

import { axe, expect, open, row, switchUser, test } from './fixtures';

test.describe('instances', { tag: '@once' }, () => {
  test.use({ expectedErrors: [403] });

  test('the only instance needs no lease', async ({ page, server, owner }) => {
    await open(page, '/settings/instances');
    await expect(page.getByRole('tab', { name: 'Instances' })).toHaveAttribute('aria-selected', 'true');
    const instances = page.getByRole('table', { name: 'Instances' });
    await expect(instances.getByRole('columnheader')).toHaveText(['Name', 'Version', 'Since', 'Lease', 'Lag']);
    const own = instances.getByRole('row').filter({ hasText: 'This instance' });
    await expect(own).toContainText('Not needed');
    await axe(page, 'the list of instances');
    await page.getByRole('button', { name: 'Refresh' }).click();
    await expect(own).toHaveCount(1);

    const admin = server.addUser('admin', owner.organization);
    await switchUser(page, server, admin);
    expect((await page.goto('/settings/instances'))?.status()).toBe(403);
    await open(page, '/settings/members');
    await expect(page.getByRole('tab', { name: 'Instances' })).toHaveCount(0);
  });

  test('a revocation says since when it is effective', async ({ page, server, internalKey }) => {
    await server.addKey(internalKey, 'nightly-build');
    await open(page, '/keys/agent');
    await row(page, 'nightly-build').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    const toast = page.locator('.toast', { hasText: 'Key deleted' });
    await expect(toast).toContainText(/Effective after [\d,]+ ms\./);
    await axe(page, 'a toast with its second sentence');
  });
});
