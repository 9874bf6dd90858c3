//! Interprets the answers of S3: statuses, codes and XML. No other place does.

use std::time::SystemTime;

use reqwest::header::{DATE, ETAG, HeaderMap};
use roxmltree::{Document, Node};
use snaplark_api::untrusted::{NAME_CHARS_MAX, SENTENCE_CHARS_MAX, plain_line};
use snaplark_core::policy;
use snaplark_core::upload::Failure;

/// The request that an answer belongs to: some codes have a meaning only for certain requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BucketRequest {
    Part,
    /// A whole object in one request.
    Object,
    /// Everything with a small body.
    Small,
}

/// An answer that was read to its end.
#[derive(Clone, Debug, Default)]
pub(super) struct S3Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) retry_after_ms: Option<u64>,
    pub(super) body: String,
}

/// An upload in parts that is not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenUpload {
    pub(super) key: String,
    pub(super) id: String,
}

/// One page of a list, and from where the next one goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListPage<T> {
    pub(super) entries: Vec<T>,
    pub(super) next: Option<(String, String)>,
}

impl S3Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..=299).contains(&self.status)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the tag of the part or the object.
    pub(super) fn etag(&self) -> Option<String> {
        let etag = plain_etag(self.header(ETAG.as_str())?);
        (!etag.is_empty()).then(|| etag.to_owned())
    }

    /// Returns the time of the store's clock.
    pub(super) fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.header(DATE.as_str())?).ok()
    }

    /// Returns the text of the first element of that name.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let document = Document::parse(self.body.trim()).ok()?;
        let found = document.descendants().find(|node| node.tag_name().name() == name)?;
        found.text().map(str::to_owned)
    }

    /// Returns whether the body is a document of this kind, and not a page of whoever stands in between.
    pub(super) fn is_document(&self, root: &str) -> bool {
        let document = Document::parse(self.body.trim());
        document.is_ok_and(|document| document.root_element().tag_name().name() == root)
    }

    /// Returns whether an element of that name is in the body.
    pub(super) fn has(&self, name: &str) -> bool {
        let document = Document::parse(self.body.trim());
        document.is_ok_and(|it| it.descendants().any(|node| node.tag_name().name() == name))
    }

    /// Returns the code of an error, which may be in a 200 as well.
    pub(super) fn code(&self) -> Option<String> {
        self.is_document("Error").then(|| self.text("Code")).flatten()
    }

    /// Returns the uploads of a list.
    pub(super) fn uploads(&self) -> Option<ListPage<OpenUpload>> {
        self.page(
            "ListMultipartUploads",
            "Upload",
            ("NextKeyMarker", "NextUploadIdMarker"),
            |node| Some(OpenUpload { key: child(node, "Key")?, id: child(node, "UploadId")? }),
        )
    }

    /// Returns the parts of a list, with numbers from 1 and their tags.
    pub(super) fn parts(&self) -> Option<ListPage<(u32, String)>> {
        self.page("ListParts", "Part", ("NextPartNumberMarker", ""), |node| {
            let number = child(node, "PartNumber")?.parse().ok()?;
            Some((number, plain_etag(&child(node, "ETag")?).to_owned()))
        })
    }

    fn page<T>(
        &self,
        root: &str,
        entry: &str,
        (first, second): (&str, &str),
        read: impl Fn(Node<'_, '_>) -> Option<T>,
    ) -> Option<ListPage<T>> {
        let document = Document::parse(self.body.trim()).ok()?;
        let list = document.root_element();
        // Stores don't agree on how it ends.
        if !list.tag_name().name().starts_with(root) {
            return None;
        }
        let is_entry = |node: &Node<'_, '_>| node.tag_name().name() == entry;
        let entries = list.children().filter(is_entry).map(read).collect::<Option<Vec<T>>>()?;
        let is_cut = child(list, "IsTruncated").is_some_and(|text| text == "true");
        let next = child(list, first).filter(|_| is_cut);
        let next = next.map(|marker| (marker, child(list, second).unwrap_or_default()));
        Some(ListPage { entries, next })
    }

    /// Returns what a refused request means. This includes a 2xx that isn't an answer of S3.
    pub(super) fn failure(&self, kind: BucketRequest) -> Failure {
        let retry_after_ms = self.retry_after_ms.map(|ms| ms.min(policy::RETRY_AFTER_MS_MAX));
        let try_again = |detail: String| Failure::TryAgain { detail, retry_after_ms };
        let code = self.code();
        match (code.as_deref().unwrap_or_default(), self.status) {
            (
                "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "ExpiredToken"
                | "InvalidToken"
                | "TokenRefreshRequired"
                | "InvalidSecurity",
                _,
            ) => Failure::SignedOut,
            ("NoSuchUpload", _) => Failure::SessionUnknown,
            ("EntityTooLarge", _) | (_, 413) => match kind {
                BucketRequest::Part => Failure::PartTooLarge,
                BucketRequest::Object | BucketRequest::Small => {
                    Failure::Refused { detail: self.words("it is too large") }
                }
            },
            ("SlowDown" | "RequestLimitExceeded" | "TooManyRequests", _) | (_, 429) => {
                Failure::RateLimited {
                    retry_after_ms: retry_after_ms.unwrap_or(policy::RETRY_AFTER_MS_DEFAULT),
                }
            }
            (
                code @ ("BadDigest"
                | "XAmzContentSHA256Mismatch"
                | "IncompleteBody"
                | "RequestTimeout"
                | "OperationAborted"
                | "ConditionalRequestConflict"
                | "InternalError"
                | "ServiceUnavailable"),
                _,
            ) => try_again(code.to_owned()),
            ("RequestTimeTooSkewed", _) => try_again("this computer's clock is wrong".into()),
            (
                "PermanentRedirect"
                | "TemporaryRedirect"
                | "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException",
                _,
            ) => Failure::Refused { detail: self.elsewhere() },
            ("", 301 | 307 | 308) if self.header("x-amz-bucket-region").is_some() => {
                Failure::Refused { detail: self.elsewhere() }
            }
            ("NoSuchBucket", _) => {
                Failure::Refused { detail: self.words("there is no such bucket") }
            }
            ("AccessDenied" | "AllAccessDisabled", _) => {
                Failure::Refused { detail: self.words("the keys may not do this") }
            }
            ("", 200..=399 | 511) => {
                Failure::NotTheApi { detail: format!("status {}", self.status) }
            }
            ("", 401) => Failure::SignedOut,
            (_, 408 | 425 | 500..=599) => try_again(format!("status {}", self.status)),
            (code, _) => Failure::Refused { detail: self.words(code) },
        }
    }

    /// Describes that the bucket is in another region, and which one, if the store says that.
    fn elsewhere(&self) -> String {
        let region = self.header("x-amz-bucket-region").map(str::to_owned);
        match region.or_else(|| self.text("Region")).map(|it| plain_line(&it, NAME_CHARS_MAX)) {
            Some(region) if !region.is_empty() => {
                format!("the bucket is in the region {region}: put region={region} in its address")
            }
            Some(_) | None => self.words("the bucket is in another region"),
        }
    }

    /// Returns our words, followed by the store's own.
    fn words(&self, ours: &str) -> String {
        let said = self.text("Message").map(|said| plain_line(&said, SENTENCE_CHARS_MAX));
        let said = said.filter(|said| !said.is_empty());
        let ours = Some(plain_line(ours, NAME_CHARS_MAX)).filter(|ours| !ours.is_empty());
        match (ours, said) {
            (Some(ours), Some(said)) => format!("{ours}: {said} ({})", self.status),
            (Some(ours), None) => format!("{ours} ({})", self.status),
            (None, Some(said)) => format!("{said} ({})", self.status),
            (None, None) => format!("status {}", self.status),
        }
    }
}

/// Returns the body with which parts become one object. Their tags are in order.
pub(super) fn completion(tags: &[&str]) -> String {
    let parts: String = (1..)
        .zip(tags)
        .map(|(number, tag): (u32, _)| {
            let tag = tag.replace('&', "&amp;").replace('<', "&lt;");
            format!("<Part><PartNumber>{number}</PartNumber><ETag>\"{tag}\"</ETag></Part>")
        })
        .collect();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}

/// Returns a tag without its quotes, as it is compared.
fn plain_etag(etag: &str) -> &str {
    etag.trim().trim_matches('"')
}

fn child(node: Node<'_, '_>, name: &str) -> Option<String> {
    let found = node.children().find(|child| child.tag_name().name() == name)?;
    found.text().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(status: u16, body: &str) -> S3Answer {
        S3Answer { status, body: body.to_owned(), ..S3Answer::default() }
    }

    fn error(status: u16, code: &str) -> S3Answer {
        let text = format!(
            "<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>No.</Message><Region>eu-1</Region></Error>"
        );
        answer(status, &text)
    }

    #[test]
    fn codes_mean_what_the_upload_does_next() {
        let of = |status, code| error(status, code).failure(BucketRequest::Part);
        for code in ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"] {
            assert_eq!(of(403, code), Failure::SignedOut, "{code}");
        }
        assert_eq!(of(404, "NoSuchUpload"), Failure::SessionUnknown);
        assert_eq!(of(400, "EntityTooLarge"), Failure::PartTooLarge);
        assert_eq!(answer(413, "<html>").failure(BucketRequest::Part), Failure::PartTooLarge);
        assert!(matches!(of(503, "SlowDown"), Failure::RateLimited { .. }));
        for (status, code) in [(500, "InternalError"), (400, "BadDigest"), (502, "")] {
            assert!(matches!(of(status, code), Failure::TryAgain { .. }), "{code}");
        }
        for (status, code, words) in [
            (404, "NoSuchBucket", "there is no such bucket: No. (404)"),
            (403, "AccessDenied", "the keys may not do this: No. (403)"),
            (400, "InvalidArgument", "InvalidArgument: No. (400)"),
            (
                301,
                "PermanentRedirect",
                "the bucket is in the region eu-1: put region=eu-1 in its address",
            ),
        ] {
            assert_eq!(of(status, code), Failure::Refused { detail: words.into() }, "{code}");
        }
        for status in [200, 204, 302, 511] {
            let portal = answer(status, "<html><p>Sign in</html>").failure(BucketRequest::Small);
            assert!(matches!(portal, Failure::NotTheApi { .. }), "{status}");
        }
    }

    #[test]
    fn object_that_is_too_large_is_refused_since_it_can_not_be_cut() {
        let failure = error(400, "EntityTooLarge").failure(BucketRequest::Object);
        assert_eq!(failure, Failure::Refused { detail: "it is too large: No. (400)".into() });
    }

    #[test]
    fn lists_are_read_with_their_next_page() {
        let parts = "<?xml version=\"1.0\"?><ListPartsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
            <IsTruncated>true</IsTruncated><NextPartNumberMarker>2</NextPartNumberMarker>\
            <Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag><Size>5</Size></Part>\
            <Part><PartNumber>2</PartNumber><ETag>&quot;b&quot;</ETag></Part></ListPartsResult>";
        let page = answer(200, parts).parts().unwrap();
        assert_eq!(page.entries, [(1, "a".to_owned()), (2, "b".to_owned())]);
        assert_eq!(page.next, Some(("2".to_owned(), String::new())));
        let uploads = "<ListMultipartUploadsResult><Upload><Key>k</Key><UploadId>u</UploadId></Upload>\
            <IsTruncated>false</IsTruncated></ListMultipartUploadsResult>";
        let page = answer(200, uploads).uploads().unwrap();
        assert_eq!(page.entries, [OpenUpload { key: "k".into(), id: "u".into() }]);
        assert_eq!(page.next, None);
        assert_eq!(answer(200, uploads).parts(), None, "another list");
    }

    #[test]
    fn completion_lists_the_parts_from_one_on() {
        let body = completion(&["a", "b&c"]);
        assert!(
            body.contains("<Part><PartNumber>2</PartNumber><ETag>\"b&amp;c\"</ETag></Part>"),
            "{body}"
        );
    }

    proptest! {
        /// Checks that whatever a store answers, it is classified and what is shown of it is a single line.
        #[test]
        fn no_answer_brings_anything_down(status in 100_u16..600, body: String, code: String, message: String) {
            let xml = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
            for answer in [answer(status, &body), answer(status, &xml)] {
                for kind in [BucketRequest::Part, BucketRequest::Object, BucketRequest::Small] {
                    let said = answer.failure(kind).to_string();
                    prop_assert!(!said.contains(char::is_control), "{said:?}");
                }
                let _ = (answer.uploads(), answer.parts(), answer.text("Code"));
            }
        }
    }
}
