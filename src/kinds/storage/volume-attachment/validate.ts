import type { VolumeAttachment, VolumeAttachmentSource, VolumeError } from "#kinds/api/storage-v1.gen.ts";
import { validateInlineVolumeSpec } from "#kinds/core/persistent-volume/validate.ts";
import { checkDriverName } from "#kinds/core/pod/pod-spec/validate-volumes.ts";
import { checkImmutable, checkSubdomain, type Errors } from "#kinds/shared/checks.ts";
import { checkMapSize, MAX_PARAMETER_BYTES } from "#kinds/storage/checks.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { byteLength, inclusiveRangeText } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

const MAX_MESSAGE = 1024;
const MAX_ERROR_CODE = 2 ** 31 - 1;
const ONE_SOURCE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";

export function validateVolumeAttachment(
  next: DeepReadonly<VolumeAttachment>,
  previous: DeepReadonly<VolumeAttachment> | undefined,
): FieldError[] {
  const errors: Errors = [];
  const { spec, status } = next;
  checkDriverName(errors, "spec.attacher", spec?.attacher);
  validateSource(errors, "spec.source", spec?.source ?? {});
  checkSubdomain(errors, "spec.nodeName", spec?.nodeName);
  checkMapSize(errors, "status.attachmentMetadata", status?.attachmentMetadata);
  validateVolumeError(errors, "status.attachError", status?.attachError);
  validateVolumeError(errors, "status.detachError", status?.detachError);
  const volume = spec?.source?.persistentVolumeName;
  if (volume !== undefined) checkSubdomain(errors, "spec.source.persistentVolumeName", volume);
  if (previous) checkImmutable(errors, "spec", spec ?? {}, previous.spec ?? {});
  return errors;
}

function validateSource(errors: Errors, path: string, source: DeepReadonly<VolumeAttachmentSource>): void {
  const { inlineVolumeSpec: inline, persistentVolumeName: volume } = source;
  if (inline && volume !== undefined) errors.push(field.forbidden(path, ONE_SOURCE));
  else if (volume === "") errors.push(field.required(`${path}.persistentVolumeName`, "must specify non empty persistentVolumeName"));
  else if (inline) validateInlineVolumeSpec(errors, `${path}.inlineVolumeSpec`, inline);
  else if (volume === undefined) errors.push(field.required(path, ONE_SOURCE));
}

function validateVolumeError(errors: Errors, path: string, error: DeepReadonly<VolumeError> | undefined): void {
  // The limit that upstream names is another one than it holds to.
  if (byteLength(error?.message ?? "") > MAX_MESSAGE) errors.push(field.tooLong(`${path}.message`, MAX_PARAMETER_BYTES));
  const code = error?.errorCode;
  if (code !== undefined && code < 0) errors.push(field.invalid(`${path}.errorCode`, code, inclusiveRangeText(0, MAX_ERROR_CODE)));
}
