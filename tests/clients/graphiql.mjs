// GraphiQL in a real browser, on a page of the gateway's own origin: what its documentation and its completion say, and
// what a query brings.
//   graphiql.mjs URL
// The page's own files come from node_modules, by interception; the schema and the query go over the network.
import { readFileSync } from 'node:fs';
import puppeteer from 'puppeteer-core';

const url = new URL(process.argv[2]);
const files = {
  '/react.js': 'react/umd/react.production.min.js',
  '/react-dom.js': 'react-dom/umd/react-dom.production.min.js',
  '/graphiql.js': 'graphiql/graphiql.min.js',
  '/graphiql.css': 'graphiql/graphiql.min.css',
};
const query = 'mutation { login(username: "john", password: "secret123") { ok user { username settings { theme } } } }';
const page = `<!doctype html><link rel="stylesheet" href="/graphiql.css"><body style="height: 100vh; margin: 0">
<div id="here" style="height: 100vh"></div>
${Object.keys(files).filter((path) => path.endsWith('.js')).map((path) => `<script src="${path}"></script>`).join('\n')}
<script>
  const fetcher = GraphiQL.createFetcher({ url: ${JSON.stringify(url.pathname)} });
  const props = { fetcher, query: ${JSON.stringify(query)} };
  ReactDOM.createRoot(document.getElementById('here')).render(React.createElement(GraphiQL, props));
</script>`;

// Without a sandbox, since tests may run as root; nothing but this page is opened.
const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  const tab = await browser.newPage();
  await tab.setRequestInterception(true);
  tab.on('request', (request) => {
    const { origin, pathname } = new URL(request.url());
    if (origin !== url.origin) return request.continue();
    if (pathname === '/page') return request.respond({ contentType: 'text/html', body: page });
    const file = files[pathname];
    return file ? request.respond({ body: readFileSync(`node_modules/${file}`) }) : request.continue();
  });
  await tab.goto(`${url.origin}/page`);

  await tab.click('[aria-label="Show Documentation Explorer"]');
  const link = await tab.waitForSelector('.graphiql-doc-explorer ::-p-text(Mutation)');
  await link.click();
  await tab.waitForSelector('.graphiql-doc-explorer-field-name');
  const fields = await tab.$$eval('.graphiql-doc-explorer-field-name', (names) => names.map((name) => name.textContent));

  await tab.click('.graphiql-execute-button');
  const text = () => document.querySelector('.result-window .CodeMirror')?.CodeMirror.getValue();
  await tab.waitForFunction(() => document.querySelector('.result-window .CodeMirror')?.CodeMirror.getValue().includes('{'));
  const result = JSON.parse(await tab.evaluate(text));

  const completions = await tab.evaluate(() => {
    const editor = document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror;
    editor.setValue('mutation {  }');
    editor.setCursor({ line: 0, ch: 11 });
    editor.focus();
    editor.execCommand('autocomplete');
  }).then(() => tab.waitForSelector('.CodeMirror-hints li'))
    .then(() => tab.$$eval('.CodeMirror-hints li', (hints) => hints.map((hint) => hint.textContent)));
  console.log(JSON.stringify({ fields, result, completions }));
} finally {
  await browser.close();
}
