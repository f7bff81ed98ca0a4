// Django's admin site through the gateway, as somebody uses it in a browser who is logged in by GraphQL, too:
//   admin.mjs GATEWAY
// A line of JSON.
import puppeteer from 'puppeteer-core';

const gateway = process.argv[2];
const ask = (tab, path, query) => tab.evaluate(async (path, query) => {
  const body = JSON.stringify({ query });
  const response = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
  return response.json();
}, path, query);
const text = (tab, selector) => tab.$eval(selector, (element) => element.textContent.trim());
const submit = (tab, selector) => Promise.all([tab.waitForNavigation(), tab.click(selector)]).then(([response]) => response.status());
const names = async (context) => (await context.cookies()).map(({ name }) => name).sort();

async function enter(tab) {
  await tab.goto(`${gateway}/admin/`);
  await tab.type('[name=username]', 'admin');
  await tab.type('[name=password]', 'adminpass1');
  return submit(tab, '[type=submit]');
}

// Without a sandbox, since tests may run as root; nothing but the gateway is opened.
const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  // Nobody but Django knows this one.
  const alone = await browser.createBrowserContext();
  const stranger = await alone.newPage();
  const entered = await enter(stranger);
  const user = await text(stranger, '#user-tools strong');
  const strangers = await names(alone);
  const nobody = [await ask(stranger, '/graphql/auth/', '{ me { username } }'), await ask(stranger, '/graphql/gql/', '{ viewer { username } }')];

  // This one is john for GraphQL and the admin for Django's pages.
  const context = await browser.createBrowserContext();
  const tab = await context.newPage();
  await tab.goto(`${gateway}/healthz`);
  await ask(tab, '/graphql/auth/', 'mutation { login(username: "john", password: "secret123") { ok } }');
  await enter(tab);
  const cookies = await names(context);
  await tab.goto(`${gateway}/admin/users/user/4/change/`);
  await tab.$eval('[name=last_name]', (field) => { field.value = 'Changed'; });
  const saved = await submit(tab, '[name=_continue]');
  const message = await text(tab, '.messagelist .success');
  const shown = await tab.$eval('[name=last_name]', (field) => field.value);
  const me = await ask(tab, '/graphql/auth/', '{ me { username } }');
  const out = await submit(tab, '#logout-form button');
  const after = await names(context);
  await tab.goto(`${gateway}/admin/`);
  const asks = (await tab.$('#login-form')) !== null;
  const still = await ask(tab, '/graphql/auth/', '{ me { username } }');
  console.log(JSON.stringify({ entered, user, strangers, nobody, cookies, saved, message, shown, me, out, after, asks, still }));
} finally {
  await browser.close();
}
