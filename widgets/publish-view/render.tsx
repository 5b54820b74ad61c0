// What the run leaves behind: files, whether the GGUF says what the model says, its answer, how to try it.

import { useRef } from "preact/hooks";
import { bytes, number, percent, unknown } from "../shared/format";
import { memo } from "../shared/memo";
import type { PublishView as View } from "../shared/types";
import { CopyButton, Glyph, Scroll, Shown } from "../shared/ui";
import css from "./style.css?inline";

export { css };

export const PublishView = memo(({ view }: { view: View }) => (
  <div class="tb-body tb-publish">
    {view.answer && <Answer answer={view.answer} />}
    {view.certificate && <CertificateLine certificate={view.certificate} />}
    {view.files.length > 0 && <Files files={view.files} />}
    {view.report && (
      <p>
        <span class="tb-label">report</span> <Shown text={view.report} class="tb-mono" />
      </p>
    )}
    {view.try_it && <TryIt command={view.try_it} />}
  </div>
));

function Answer({ answer }: { answer: NonNullable<View["answer"]> }) {
  const asExpected = answer.expected === null ? null : answer.answer.trim() === answer.expected.trim();
  return (
    <div class="tb-answer">
      <p class="tb-label">the GGUF was asked</p>
      <p class="tb-question">
        <Shown text={answer.prompt} />
      </p>
      <p class="tb-label">
        and answered{answer.tokens_per_second > 0 && `, at ${number(answer.tokens_per_second)} tokens/s`}
      </p>
      <p class="tb-said" data-testid="tunebook-answer">
        {answer.answer.trim() === "" ? <span class="tb-muted">nothing</span> : <Shown text={answer.answer} />}
      </p>
      {answer.expected !== null && (
        <p class="tb-small">
          <Glyph name={asExpected ? "good" : "care"} />{" "}
          {asExpected ? (
            "as expected"
          ) : (
            <>
              expected <Shown text={answer.expected} />
            </>
          )}
        </p>
      )}
    </div>
  );
}

function CertificateLine({ certificate }: { certificate: NonNullable<View["certificate"]> }) {
  const { passed, token_ids_equal, top1_agreement, mean_kl } = certificate;
  return (
    <p class="tb-certificate">
      <Glyph name={passed ? "good" : "stop"} />
      <span>
        {passed
          ? "The GGUF passed the comparison with the merged model"
          : "The GGUF failed the comparison with the merged model"}
        : {token_ids_equal ? "the same token ids" : "other token ids"}, the same first choice in{" "}
        {percent(top1_agreement)} of positions, mean KL {number(mean_kl)} nats.
      </span>
    </p>
  );
}

function Files({ files }: { files: View["files"] }) {
  return (
    <table class="tb-table tb-files">
      <caption class="tb-unseen">Files</caption>
      <tbody>
        {files.map(({ label, path, bytes: size, detail }) => (
          <tr key={path}>
            <th scope="row">
              <Shown text={label} />
            </th>
            <td class="tb-path">
              <Shown text={path} class="tb-mono" />
            </td>
            <td class="tb-number">{size === null ? unknown : bytes(size)}</td>
            <td class="tb-small tb-muted">
              <Shown text={detail} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function TryIt({ command }: { command: string }) {
  const block = useRef<HTMLPreElement>(null);
  return (
    <div>
      <p class="tb-label">try it</p>
      <div class="tb-try">
        <Scroll class="tb-pre" label="Command">
          <pre ref={block}>
            <Shown text={command} />
          </pre>
        </Scroll>
        <CopyButton text={command} fallback={() => block.current} />
      </div>
    </div>
  );
}
