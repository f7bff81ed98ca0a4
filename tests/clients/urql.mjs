// urql, once by POST and once with its queries by GET.
import { Client, fetchExchange } from '@urql/core';
import { bearer, gateway, tell } from './story.mjs';

for (const preferGetMethod of [false, true]) {
  await tell(async (path, document, variables, token) => {
    const fetchOptions = { headers: bearer(token) };
    const client = new Client({ url: gateway + path, exchanges: [fetchExchange], preferGetMethod, fetchOptions });
    const run = document.startsWith('mutation') ? client.mutation(document, variables) : client.query(document, variables);
    const { data, error } = await run.toPromise();
    if (error) throw error;
    return data;
  });
}
