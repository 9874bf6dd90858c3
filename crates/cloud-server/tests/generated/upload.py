"""Uploads a recording with the client that openapi-python-client makes, and prints its state.

Arguments: address, token, number of parts, folder of the parts.
"""

import json
import pathlib
import sys

from client import AuthenticatedClient
from client.api.snaplark import (
    delete_captions,
    finalize_upload,
    get_video,
    init_upload,
    put_captions,
    upload_chunk,
)
from client.models import ChunkForm, FinalizeRequest, InitRequest
from client.types import File

address, token, count, folder = sys.argv[1:]
count = int(count)
client = AuthenticatedClient(base_url=address, token=token, raise_on_unexpected_status=True)


def answer(response):
    assert response.status_code == 200, response.content
    return response.parsed


init = InitRequest.from_dict({
    "filename": "recording.webm", "timestamp": "2024-01-15T10-30-45", "fps": 30,
    "codec": "video/webm;codecs=vp9", "bitrate": 2500000,
    "resolution": {"width": 1920, "height": 1080},
})
session = answer(init_upload.sync_detailed(client=client, body=init)).session_id
for index in range(count):
    with open(pathlib.Path(folder) / f"{index}.webm", "rb") as part:
        form = ChunkForm(
            session_id=session, chunk_index=str(index),
            chunk=File(payload=part, file_name="chunk", mime_type="video/webm"),
        )
        received = answer(upload_chunk.sync_detailed(client=client, body=form))
        assert received.received_chunk_index == index
end = FinalizeRequest.from_dict({
    "sessionId": str(session), "totalChunks": count, "uploadedChunks": list(range(count)),
    "duration": 2000 * count,
})
finished = answer(finalize_upload.sync_detailed(client=client, body=end))
assert finished.video_url.startswith(address), finished
captions = File(payload=b"WEBVTT\n")
answer(put_captions.sync_detailed(session, client=client, body=captions))
answer(delete_captions.sync_detailed(session, client=client))
print(json.dumps(answer(get_video.sync_detailed(session, client=client)).to_dict()))
