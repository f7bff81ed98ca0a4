"""Articles: who may read and write, and uploads."""

import hashlib
import json
import tempfile

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from tests.support import OPEN, PROTECTED, DemoTestCase

CREATE = 'mutation { createArticle(title: "Tides") { ok article { id author { username } } } }'
ATTACH = """
mutation ($a: ID!, $f: Upload!) {
  attachFile(articleId: $a, file: $f) { ok errors attachment { name size sha256 } }
}
"""


class Articles(DemoTestCase):
    def test_everybody_reads_the_open_endpoint(self):
        articles = self.post("{ articles(limit: 2) { title author { desc } } }")["data"]["articles"]
        self.assertEqual(len(articles), 2)

    def test_the_protected_endpoint_refuses_the_anonymous(self):
        answer = self.post("{ articles { title } }", path=PROTECTED)
        self.assertIsNone(answer["data"])
        self.assertEqual(answer["errors"][0]["path"], ["articles"])

    def test_only_users_write(self):
        self.assertIsNone(self.post(CREATE)["data"]["createArticle"])
        payload = self.post(CREATE, token=self.log_in()["token"])["data"]["createArticle"]
        self.assertEqual(payload["article"]["author"]["username"], "john")


class Uploads(DemoTestCase):
    def upload(self, operations: dict, mapping: dict, content: bytes = b"picture"):
        media = self.enterContext(tempfile.TemporaryDirectory())
        form = {
            "operations": json.dumps(operations),
            "map": json.dumps(mapping),
            "0": SimpleUploadedFile("tide.png", content, "image/png"),
        }
        headers = {"Authorization": f"Bearer {self.log_in()['token']}"}
        with override_settings(MEDIA_ROOT=media):
            return self.client.post(OPEN, form, headers=headers)

    def test_a_file_arrives_unharmed(self):
        content = bytes(range(256)) * 20_000
        operations = {"query": ATTACH, "variables": {"a": "1", "f": None}}
        response = self.upload(operations, {"0": ["variables.f"]}, content)
        attachment = response.json()["data"]["attachFile"]["attachment"]
        digest = hashlib.sha256(content).hexdigest()
        self.assertEqual(attachment, {"name": "tide.png", "size": len(content), "sha256": digest})

    def test_only_the_author_attaches(self):
        operations = {"query": ATTACH, "variables": {"a": "3", "f": None}}
        response = self.upload(operations, {"0": ["variables.f"]})
        self.assertFalse(response.json()["data"]["attachFile"]["ok"])

    def test_a_map_that_leads_nowhere_is_refused(self):
        for places in (["variables.g"], ["variables.a"], ["query"], [7], "x"):
            with self.subTest(places):
                operations = {"query": ATTACH, "variables": {"a": "1", "f": None}}
                self.assertEqual(self.upload(operations, {"0": places}).status_code, 400)
