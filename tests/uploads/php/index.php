<?php
// The upload endpoints of the Backend API Specification as somebody would write them in PHP without a framework. Each
// chunk has to be WebM by its own bytes, as fileinfo sees them (`mimes:webm` of the implementation guide), and chunks
// are joined with `ffmpeg -f concat`. It knows nothing of Snaplark's own capabilities.

declare(strict_types=1);

function answer(int $status, array $body): never
{
    http_response_code($status);
    header('Content-Type: application/json');
    echo json_encode($body, JSON_UNESCAPED_SLASHES);
    exit;
}

function refuse(string $field, string $message): never
{
    answer(422, ['message' => $message, 'errors' => [$field => [$message]]]);
}

function session(mixed $id): string
{
    $folder = $_SERVER['SNAPLARK_FOLDER'] . '/' . $id;
    if (!is_string($id) || !preg_match('/^[0-9a-f]{32}$/', $id) || !is_dir($folder)) {
        answer(404, ['message' => 'Upload session not found']);
    }
    return $folder;
}

function body(): array
{
    $body = json_decode(file_get_contents('php://input'), true);
    return is_array($body) ? $body : refuse('body', 'The body is no JSON.');
}

function init(): never
{
    $asked = body();
    foreach (['filename', 'timestamp', 'fps', 'codec', 'bitrate', 'resolution'] as $field) {
        isset($asked[$field]) || refuse($field, "The $field field is required.");
    }
    $id = bin2hex(random_bytes(16));
    mkdir($_SERVER['SNAPLARK_FOLDER'] . '/' . $id);
    answer(201, ['success' => true, 'sessionId' => $id, 'message' => 'Upload session initialized']);
}

function chunk(): never
{
    $folder = session($_POST['sessionId'] ?? null);
    $index = $_POST['chunkIndex'] ?? '';
    ctype_digit($index) || refuse('chunkIndex', 'The chunk index must be an integer.');
    $chunk = $_FILES['chunk'] ?? refuse('chunk', 'The chunk field is required.');
    $chunk['error'] === UPLOAD_ERR_OK || refuse('chunk', 'The chunk failed to upload.');
    $type = (new finfo(FILEINFO_MIME_TYPE))->file($chunk['tmp_name']);
    $type === 'video/webm' || refuse('chunk', "The chunk must be a file of type: webm. It is $type.");
    move_uploaded_file($chunk['tmp_name'], "$folder/chunk_$index.webm");
    answer(200, [
        'success' => true,
        'receivedChunkIndex' => (int) $index,
        'sessionId' => basename($folder),
        'totalChunksReceived' => count(glob("$folder/chunk_*.webm")),
        'message' => 'Chunk received',
    ]);
}

function finalize(): never
{
    $asked = body();
    $folder = session($asked['sessionId'] ?? null);
    $list = '';
    for ($index = 0; $index < ($asked['totalChunks'] ?? 0); $index++) {
        is_file("$folder/chunk_$index.webm") || refuse('totalChunks', "Chunk $index is missing.");
        $list .= "file 'chunk_$index.webm'\n";
    }
    file_put_contents("$folder/filelist.txt", $list);
    $command = sprintf(
        'ffmpeg -v error -y -f concat -safe 0 -i %s -c copy %s 2>&1',
        escapeshellarg("$folder/filelist.txt"),
        escapeshellarg("$folder/final.webm"),
    );
    exec($command, $said, $status);
    $status === 0 || answer(500, ['message' => 'FFmpeg failed: ' . implode("\n", $said)]);
    $id = basename($folder);
    answer(200, [
        'success' => true,
        'sessionId' => $id,
        'videoId' => $id,
        'videoUrl' => "https://videos.example/$id",
        'message' => 'Video assembled successfully',
    ]);
}

if (($_SERVER['HTTP_AUTHORIZATION'] ?? '') !== 'Bearer ' . $_SERVER['SNAPLARK_TOKEN']) {
    answer(401, ['message' => 'Unauthenticated.']);
}
match ($_SERVER['REQUEST_METHOD'] . ' ' . strtok($_SERVER['REQUEST_URI'], '?')) {
    'POST /api/v1/videos/init' => init(),
    'POST /api/v1/videos/chunk' => chunk(),
    'POST /api/v1/videos/finalize' => finalize(),
    default => answer(404, ['message' => 'Not Found']),
};
