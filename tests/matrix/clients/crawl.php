<?php
// Crawls with PHP's curl extension.
//
// php crawl.php PROXY CA UPLOAD-FILE UPLOAD-URL URL...
// An empty UPLOAD-FILE uploads nothing. Prints one line per URL: method,
// status, bytes of body, URL.

[, $proxy, $ca, $file, $target] = $argv;
$curl = curl_init();

function fetch($curl, $proxy, $ca, $method, $url, $body) {
  curl_reset($curl);
  $options = [
    CURLOPT_URL => $url,
    CURLOPT_PROXY => $proxy,
    CURLOPT_CAINFO => $ca,
    CURLOPT_PROXY_CAINFO => $ca,
    // The proxy is given by address, for which its certificate is not.
    CURLOPT_PROXY_SSL_VERIFYHOST => 0,
    // HOST:PORT:ADDRESS of a site that no proxy resolves.
    CURLOPT_RESOLVE => array_filter([getenv('CRAWL_RESOLVE')]),
    CURLOPT_FOLLOWLOCATION => true,
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 60,
  ];
  if ($body !== null) {
    $options[CURLOPT_POSTFIELDS] = $body;
  }
  curl_setopt_array($curl, $options);
  $content = curl_exec($curl);
  if ($content === false) {
    fwrite(STDERR, curl_error($curl) . "\n");
    exit(1);
  }
  $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
  echo "$method $status ", strlen($content), " $url\n";
}

foreach (array_slice($argv, 5) as $url) {
  fetch($curl, $proxy, $ca, 'GET', $url, null);
}
if ($file) {
  fetch($curl, $proxy, $ca, 'POST', $target, file_get_contents($file));
}
