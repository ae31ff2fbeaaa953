/** The configuration that the build put into this bundle. Old and new bundles run side by side during a deploy. */
import data from 'perennial:configuration';
import type { CompiledConfiguration } from './configuration.ts';

export const compiled: CompiledConfiguration = data;
