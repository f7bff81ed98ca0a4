// Real clients of GraphQL over WebSocket: graphql-ws, and subscriptions-transport-ws for the older subprotocol.
//   sockets.mjs GATEWAY
// A line of JSON for each: what a query comes to, an event, and a login.
import { createClient } from 'graphql-ws';
import legacy from 'subscriptions-transport-ws';
import WebSocket from 'ws';

const gateway = process.argv[2];
const PATH = '/graphql/gql/';
const LOGIN = 'mutation { login(username: "john", password: "secret123") { ok token } }';
const CREATE = 'mutation { createArticle(title: "Tides") { ok } }';
const EVENT = 'subscription { articleCreated { title author { username } } }';

const post = async (path, query, token) => {
  const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) };
  const answer = await fetch(gateway + path, { method: 'POST', headers, body: JSON.stringify({ query }) });
  return answer.json();
};

// The first result of an operation, or why there is none.
const first = (begin) => new Promise((done) => {
  const stop = begin({
    next: (result) => { done(result.data ?? result.errors); stop?.(); },
    error: (error) => done({ refused: [error].flat()[0]?.extensions?.code ?? String(error) }),
    complete: () => done(null),
  });
});

const { data } = await post('/graphql/auth/', LOGIN);
const { token } = data.login;
const connectionParams = { Authorization: `Bearer ${token}` };
const url = gateway.replace('http', 'ws') + PATH;
// One socket for all of it.
const current = createClient({ url, connectionParams, webSocketImpl: WebSocket, retryAttempts: 0, lazy: false });
const older = new legacy.SubscriptionClient(url, { connectionParams, reconnect: false }, WebSocket);

const clients = [
  { name: 'graphql-ws', begin: (query) => (sink) => current.subscribe({ query }, sink), end: () => current.dispose() },
  {
    name: 'subscriptions-transport-ws',
    begin: (query) => (sink) => {
      const { unsubscribe } = older.request({ query }).subscribe(sink);
      return unsubscribe;
    },
    end: () => older.close(),
  },
];

for (const { name, begin, end } of clients) {
  const query = await first(begin('{ viewer { username } }'));
  const event = first(begin(EVENT));
  let heard = false;
  event.then(() => { heard = true; });
  // Nobody is told when the backend has begun to listen.
  while (!heard) {
    const created = await post(PATH, CREATE, token);
    if (created.errors) throw new Error(JSON.stringify(created));
    await new Promise((done) => setTimeout(done, 200));
  }
  const login = await first(begin(LOGIN));
  const again = await first(begin('{ viewer { username } }'));
  console.log(JSON.stringify({ name, query, event: await event, login, again }));
  await end();
}
process.exit(0);
