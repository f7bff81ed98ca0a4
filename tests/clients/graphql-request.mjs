// graphql-request.
import { GraphQLClient } from 'graphql-request';
import { bearer, gateway, tell } from './story.mjs';

await tell((path, document, variables, token) =>
  new GraphQLClient(gateway + path, { headers: bearer(token) }).request(document, variables));
