// Apollo Client, which adds __typename and sends extensions of its own.
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { bearer, gateway, tell } from './story.mjs';

await tell(async (path, document, variables, token) => {
  const link = new HttpLink({ uri: gateway + path, headers: bearer(token) });
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  const query = gql(document);
  const isMutation = query.definitions[0].operation === 'mutation';
  const { data } = isMutation
    ? await client.mutate({ mutation: query, variables })
    : await client.query({ query, variables });
  return data;
});
