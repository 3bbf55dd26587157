export const greeting = 'Say something.';
