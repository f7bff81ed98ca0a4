// A backend that knows nothing of logins, with root types of its own names and no mutation. Prints its port.
import { createServer } from 'node:http';
import { buildSchema } from 'graphql';
import { createHandler } from 'graphql-http/lib/use/http';

const schema = buildSchema(`
  schema { query: RootQuery }
  "The door."
  type RootQuery { me: Person  books(first: Int = 3, kind: Kind): [Book!]! @deprecated(reason: "read less")  clock: DateTime }
  type Person implements Node { id: ID!  settings: Settings  email: String }
  type Settings { theme: String! }
  type Book implements Node { id: ID!  title: String }
  interface Node { id: ID! }
  union Any = Person | Book
  enum Kind { NOVEL  POEM @deprecated }
  input Filter @oneOf { title: String  kind: Kind }
  "A moment."
  scalar DateTime @specifiedBy(url: "https://example.com/moment")
`);
const me = { id: '1', settings: { theme: 'dark' }, email: 'john@example.com' };
const server = createServer(createHandler({ schema, rootValue: { me, books: [] } }));
server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
