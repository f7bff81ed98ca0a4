// GraphQL Code Generator: types of the gateway's schema and of documents on it, as a line of JSON.
//   codegen.mjs URL
import { generate } from '@graphql-codegen/cli';

const documents = `
  mutation Login($username: String!, $password: String!) {
    login(username: $username, password: $password) { ok token user { username settings { theme } } }
  }
  query Sessions { authSessions { id current createdAt } }
`;
const plugins = ['typescript', 'typescript-operations'];
const [{ content }] = await generate(
  { schema: process.argv[2], documents, generates: { 'schema.ts': { plugins } }, silent: true, noSilentErrors: true },
  false,
);
console.log(JSON.stringify(content));
