// Two tabs of one browser, cookies only, that refresh at the same moment again and again:
//   tabs.mjs GATEWAY ROUNDS GRACE_IN_MS
// A line of JSON: what each round found, then what a refresh token comes to that was kept aside until long after its use.
import puppeteer from 'puppeteer-core';

const [gateway, rounds, grace] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const ME = '{ me { username } authSessions { id current } }';
const REFRESH = 'mutation { refreshToken { ok errorCode } }';
const LOGIN = 'mutation { login(username: "john", password: "secret123") { ok } }';

// Runs in a page: a request as the page's own script makes it. `lost`: whoever asked is gone before the answer comes.
const ask = (tab, query, { delay = 0, lost = false } = {}) => tab.evaluate(async (query, delay, lost) => {
  await new Promise((done) => setTimeout(done, delay));
  const gone = new AbortController();
  const body = JSON.stringify({ query });
  const options = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body, signal: gone.signal };
  const answer = fetch('/graphql/auth/', options).then((response) => response.json()).catch(() => null);
  if (lost) setTimeout(() => gone.abort(), Math.random() * 5);
  return answer;
}, query, delay, lost);

const refreshCookie = async (context) => (await context.cookies()).find(({ name }) => name === 'refresh_token');
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// Without a sandbox, since tests may run as root; nothing but the gateway is opened.
const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  const context = await browser.createBrowserContext();
  const tabs = [await context.newPage(), await context.newPage()];
  for (const tab of tabs) await tab.goto(`${gateway}/healthz`);
  await ask(tabs[0], LOGIN);
  const kept = await refreshCookie(context);
  const users = new Set(), sessions = new Set(), cookies = new Set([kept.value]);
  let refused = 0, unheard = 0;
  const look = async () => {
    for (const tab of tabs) {
      const { data } = await ask(tab, ME);
      users.add(data.me?.username ?? null);
      sessions.add(JSON.stringify(data.authSessions?.map(({ current }) => current) ?? null));
      sessions.add(data.authSessions?.[0]?.id ?? null);
    }
  };
  for (let round = 0; round < rounds; round += 1) {
    // In every third one of the tabs is closed, as it were, while it refreshes.
    const lost = round % 3 === 2 ? round % 2 : -1;
    const answers = await Promise.all(
      tabs.map((tab, index) => ask(tab, REFRESH, { delay: Math.random() * 15, lost: index === lost })),
    );
    refused += answers.filter((answer) => answer && !answer.data.refreshToken.ok).length;
    unheard += answers.filter((answer) => !answer).length;
    await look();
    cookies.add((await refreshCookie(context)).value);
  }
  const fine = { users: [...users], sessions: [...sessions], refused, unheard, cookies: cookies.size };

  await wait(grace);
  const current = await refreshCookie(context);
  await context.setCookie({ ...current, value: kept.value });
  const replayed = (await ask(tabs[1], REFRESH)).data.refreshToken;
  // The one that was good until then, and all that either tab still has.
  await context.setCookie(current);
  const out = [];
  for (const tab of tabs) {
    out.push((await ask(tab, ME)).data.me);
    out.push((await ask(tab, REFRESH)).data.refreshToken.ok);
  }
  console.log(JSON.stringify({ ...fine, replayed, out }));
} finally {
  await browser.close();
}
